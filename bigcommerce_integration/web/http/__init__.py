"""What every view shares: the caller, the parts of the request, the answer or the refusal."""
