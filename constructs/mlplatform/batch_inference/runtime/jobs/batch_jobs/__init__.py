"""What the container scripts beside this package share. Python 3.9, and no more than AWS's scikit-learn image holds.

A package, so that no name of its modules hides one of a team's own beside `inference.py`.
"""
