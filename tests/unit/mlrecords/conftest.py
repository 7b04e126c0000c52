from tests.unit.stores import s3, store

__all__ = ["s3", "store"]
