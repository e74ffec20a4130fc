"""The tables of the registry."""

#: Raised with every change of a table: a registry of another version is refused.
VERSION = 1
_TEXT = """
CREATE TABLE devices(
    name TEXT PRIMARY KEY,
    link TEXT NOT NULL,            -- where its link is, as who opens links takes it
    key_file TEXT,                 -- holds the link's key; the key itself is not here
    board TEXT NOT NULL,
    firmware TEXT NOT NULL,        -- SHA-256 of the export that it was built from
    scored TEXT NOT NULL,          -- what the score is: accuracy, or the error's size
    image TEXT NOT NULL,           -- what it began with, or what was pushed last: SHA-256
    previous TEXT,                 -- what it held before that
    record TEXT NOT NULL,          -- of what it learned since, in the folder
    number INTEGER NOT NULL DEFAULT 0,   -- of the latest sample that was dealt with
    pushes INTEGER NOT NULL DEFAULT 0,   -- number of the latest push that came by a topic
    samples INTEGER NOT NULL,      -- its learner has learned
    state TEXT NOT NULL,           -- SHA-256 of what the record gives
    read_at REAL,                  -- when the device's whole state was last read and was that
    latest BLOB NOT NULL DEFAULT x'',    -- float32[m, 2]: score and novelty, m samples at most
    blind INTEGER, step REAL, saturations INTEGER,
    refused INTEGER NOT NULL DEFAULT 0, repeated INTEGER NOT NULL DEFAULT 0,
    restored INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
    connected INTEGER NOT NULL DEFAULT 0, seen REAL, why TEXT
);
CREATE TABLE images(sha TEXT PRIMARY KEY, image BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE inbox(
    device TEXT NOT NULL, number INTEGER NOT NULL, sample TEXT NOT NULL,
    PRIMARY KEY(device, number)
) WITHOUT ROWID;
CREATE TABLE outbox(
    id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE TABLE jobs(
    id INTEGER PRIMARY KEY AUTOINCREMENT, device TEXT NOT NULL, kind TEXT NOT NULL,
    image TEXT, follows INTEGER,   -- begun only when that job is done
    state TEXT NOT NULL DEFAULT 'waiting', why TEXT, result BLOB, made REAL NOT NULL, ended REAL
);
"""
TABLES = tuple(text for text in _TEXT.split(";\n") if text.strip())
