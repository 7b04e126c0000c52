"""What is wrong with a run, said before it starts or where it is."""


class TrackError(Exception):
    """The run cannot be tracked as asked; the message says what to do."""
