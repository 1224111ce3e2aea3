"""The database: engine, tables and migrations. SQLite by default, Postgres by `DATABASE_URL`."""
