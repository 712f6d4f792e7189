"""The HTTP contract: routes, request schemas, answers, error answers; knows no store client."""
