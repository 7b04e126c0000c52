"""Processing, training and transform jobs as plain processes under the `/opt/ml` contract."""
