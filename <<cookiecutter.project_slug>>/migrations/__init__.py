"""Alembic's environment: how the app's tables are created and changed."""
