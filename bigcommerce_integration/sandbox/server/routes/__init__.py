"""The routes of the API, and which records a query asks for."""
