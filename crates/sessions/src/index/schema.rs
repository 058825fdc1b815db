//! The tables of the index.

use rusqlite::Connection;

/// Marks the file as ours: `mgsi`, for massgen session index.
pub(super) const APPLICATION_ID: i32 = 0x6d67_7369;

/// Counts the forms of the tables. An index of another form is built anew, never changed.
pub(super) const VERSION: i32 = 2;

/// `turn_text` has a row for each row of `turns`, under the same number. Its prefixes are what a search for the word
/// that is being typed looks up.
const TABLES: &str = "
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        stamp TEXT NOT NULL,
        problem TEXT,
        turns INTEGER NOT NULL,
        rehearsals INTEGER NOT NULL,
        title TEXT,
        status TEXT,
        winner TEXT,
        started_ms INTEGER,
        updated_ms INTEGER NOT NULL,
        known_usd REAL NOT NULL,
        unpriced_calls INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessions_by_time ON sessions (updated_ms DESC, id DESC);
    CREATE TABLE turns (
        row INTEGER PRIMARY KEY,
        session TEXT NOT NULL,
        number INTEGER NOT NULL,
        status TEXT NOT NULL,
        started_ms INTEGER,
        day TEXT,
        is_rehearsal INTEGER NOT NULL,
        UNIQUE (session, number)
    );
    CREATE TABLE usage (
        turn INTEGER NOT NULL,
        place INTEGER NOT NULL,
        agent TEXT,
        backend TEXT,
        model TEXT,
        known_usd REAL NOT NULL,
        unpriced_calls INTEGER NOT NULL,
        input_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        PRIMARY KEY (turn, place)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE turn_text USING fts5 (
        question, answer, tokenize = 'unicode61 remove_diacritics 2', prefix = '1 2 3'
    );
";

/// The tables of [`TABLES`].
const NAMES: [&str; 4] = ["sessions", "turns", "usage", "turn_text"];

/// What a file turned out to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// An index of this form.
    Ours,
    /// Empty.
    New,
    /// An index of another form.
    OtherVersion(i32),
    /// A database of somebody else.
    Foreign,
}

pub(super) fn form(database: &Connection) -> rusqlite::Result<Form> {
    let pragma = |name: &str| database.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    let tables: i64 = database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION_ID, VERSION) => Form::Ours,
        (APPLICATION_ID, version) => Form::OtherVersion(version),
        (0, 0) if tables == 0 => Form::New,
        _ => Form::Foreign,
    })
}

/// Makes the tables, all or none.
pub(super) fn create(database: &mut Connection) -> rusqlite::Result<()> {
    let change = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Another process may have been quicker.
    if form(&change)? == Form::New {
        change.execute_batch(TABLES)?;
        change.pragma_update(None, "application_id", APPLICATION_ID)?;
        change.pragma_update(None, "user_version", VERSION)?;
    }
    change.commit()
}

/// Empties all tables, or none.
pub(super) fn clear(database: &mut Connection) -> rusqlite::Result<()> {
    let change = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    // Dropping them takes the pages back without a look at each row.
    for table in NAMES {
        change.execute_batch(&format!("DROP TABLE IF EXISTS {table}"))?;
    }
    change.execute_batch(TABLES)?;
    change.commit()
}

/// Touches every table, so that a damaged one shows now.
pub(super) fn probe(database: &Connection) -> rusqlite::Result<()> {
    for table in NAMES {
        let mut statement = database.prepare(&format!("SELECT * FROM {table} LIMIT 1"))?;
        statement.query([])?.next()?;
    }
    Ok(())
}
