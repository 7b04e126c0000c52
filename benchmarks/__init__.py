"""What `make bench` measures, each beside its floor, as ratios in one run."""
