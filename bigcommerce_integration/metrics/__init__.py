"""The stores' figures for Prometheus; needs the extra ``metrics``."""

from .collector import register_metrics

__all__ = ["register_metrics"]
