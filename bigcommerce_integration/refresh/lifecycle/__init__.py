"""The states of a refresh, and who may change them."""
