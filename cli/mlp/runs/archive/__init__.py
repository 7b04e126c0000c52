"""Runs as one file that another store takes in again without the loss of a field: an RO-Crate, packed as zip."""
