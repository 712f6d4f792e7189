"""Commands that begin, compare, stop and watch refreshes."""
