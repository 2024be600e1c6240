-- Statements for a file that cannot be trusted; {table} is one of the three in the schema.

-- name: up
SELECT rowid, * FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid;

-- name: down
SELECT rowid, * FROM {table} NOT INDEXED WHERE rowid > ? ORDER BY rowid DESC;

-- name: one
SELECT rowid, * FROM {table} NOT INDEXED WHERE rowid = ?;

-- name: numbers
SELECT rowid FROM {table};

-- name: count
SELECT COUNT(*) FROM {table};

-- name: insert
INSERT INTO {table} ({names}) VALUES ({marks});

-- name: delete
DELETE FROM {table} WHERE rowid = ?;

-- name: schema
SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL;
