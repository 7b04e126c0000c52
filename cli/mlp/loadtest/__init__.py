"""How much one instance of an endpoint serves: an open-loop load test, and the search for its knee."""
