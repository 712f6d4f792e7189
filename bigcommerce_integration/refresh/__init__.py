"""The engine: brings an instance's rows up to date, page by page; knows no Flask and no Dramatiq."""
