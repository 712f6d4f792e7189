"""Setuptools, with the list of the sdist's files beside this file: it looks for ``MANIFEST.in`` at the top alone."""

from setuptools.build_meta import *  # noqa: F403
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".ci/sdist-files.in"
