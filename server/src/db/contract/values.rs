//! Values, parameters and rows.

use super::{DbError, DbUrl, Row, Value, ids, open, org, params, put, query, write};
use crate::db::{Db, DecodeProblem};

const PUT: &str = "INSERT INTO things (org, id, n, t, b) VALUES ($1, $2, $3, $4, $5)";
const GET: &str = "SELECT n, t, b FROM things WHERE org = $1 AND id = $2";

pub(super) async fn parameters_go_by_their_number(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let swapped = "SELECT CAST($2 AS TEXT), CAST($1 AS TEXT)";
    let rows = query(&db, swapped, params!["first", "second"]).await?;
    assert_eq!((rows[0].get::<String>(0)?, rows[0].get::<String>(1)?), ("second".into(), "first".into()));
    write(&db, |tx| put(tx, "a")).await?;
    // The statement names its second parameter first.
    let rows = query(&db, "SELECT id FROM things WHERE id = $2 AND org = $1", params![org(), "a"]).await?;
    assert_eq!(rows.len(), 1);
    db.close().await;
    Ok(())
}

pub(super) async fn a_parameter_can_be_used_twice(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let sum = "SELECT CAST($1 AS BIGINT) + CAST($2 AS BIGINT) + CAST($1 AS BIGINT)";
    let rows = query(&db, sum, params![20_i64, 2_i64]).await?;
    assert_eq!(rows[0].get::<i64>(0)?, 42);
    db.close().await;
    Ok(())
}

pub(super) async fn values_survive_the_round_trip(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let every_byte: Vec<u8> = (0..=255).collect();
    let stored: Vec<(&str, Value, Value, Value)> = vec![
        ("nothing", Value::Null, Value::Null, Value::Null),
        ("empty", 0_i64.into(), "".into(), Vec::new().into()),
        ("least", i64::MIN.into(), "卫生监督员 𠮷野家 🏊 e\u{301}".into(), every_byte.into()),
        ("most", i64::MAX.into(), "'; DROP TABLE things; -- \\ %".into(), vec![0; 100_000].into()),
    ];
    for (id, n, t, b) in stored {
        let row = params![org(), id, &n, &t, &b];
        assert_eq!(write(&db, move |tx| tx.execute(PUT, &row)).await?, 1);
        let found = query(&db, GET, params![org(), id]).await?;
        assert_eq!(found.len(), 1);
        assert!(found[0].get::<Value>(0)? == n && found[0].get::<Value>(1)? == t, "{id}");
        assert!(found[0].get::<Value>(2)? == b, "{id}");
    }
    db.close().await;
    Ok(())
}

pub(super) async fn texts_sort_by_their_bytes(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let mut sorted = ["a", "B", "_", "aB", "a_", "é", "z", "Z", "一", "，", "𠮷", "10", "9", ""];
    write(&db, move |tx| sorted.iter().try_for_each(|id| put(tx, id).map(drop))).await?;
    sorted.sort_unstable();
    assert_eq!(ids(&db).await?, sorted);
    db.close().await;
    Ok(())
}

pub(super) async fn parameters_are_counted(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    for (given, params) in [(1, params![org()]), (3, params![org(), "a", "b"])] {
        let error = query(&db, GET, params).await.err();
        let counted = matches!(error, Some(DbError::Parameters { wanted: 2, given: g, .. }) if g == given);
        assert!(counted, "{error:?}");
    }
    db.close().await;
    Ok(())
}

pub(super) async fn nul_in_a_text_is_refused(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    let kept = write(&db, |tx| {
        let error = put(tx, "a\0b").err();
        assert!(matches!(error, Some(DbError::NulInText { .. })), "{error:?}");
        let many = [params![org(), "c"], params![org(), "\0"]];
        let error = tx.execute_many("INSERT INTO things (org, id) VALUES ($1, $2)", &many).err();
        assert!(matches!(error, Some(DbError::NulInText { .. })), "{error:?}");
        // Nothing was run, so the job can go on.
        put(tx, "d")
    });
    kept.await?;
    let error = write(&db, |tx| {
        put(tx, "e")?;
        tx.publish(org(), "feed", "thing", "a\0b");
        Ok(())
    });
    assert!(matches!(error.await, Err(DbError::NulInText { .. })));
    assert_eq!(ids(&db).await?, ["d"]);
    db.close().await;
    Ok(())
}

pub(super) async fn columns_keep_their_types(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    for (n, t, b) in [
        ("many".into(), Value::Null, Value::Null),
        (Value::Null, vec![1, 2].into(), Value::Null),
        (Value::Null, Value::Null, "12".into()),
    ] {
        let row = params![org(), "a", n, t, b];
        let error = write(&db, move |tx| tx.execute(PUT, &row)).await.err();
        let refused = matches!(error, Some(DbError::Statement { .. } | DbError::Constraint { .. }));
        assert!(refused, "{error:?}");
    }
    assert!(ids(&db).await?.is_empty());
    db.close().await;
    Ok(())
}

pub(super) async fn what_cannot_be_read_says_why(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    write(&db, |tx| tx.execute(PUT, &params![org(), "a", -1_i64, "word", [7]])).await?;
    write(&db, |tx| put(tx, "b")).await?;
    let row = one(&db, "a").await?;
    let kind = |wanted, found| DecodeProblem::Kind { wanted, found };
    assert_eq!(problem(row.get::<i64>(1)), Some(kind("BIGINT", "TEXT")));
    assert_eq!(problem(row.get::<String>(2)), Some(kind("TEXT", "BYTEA")));
    assert_eq!(problem(row.get::<u64>(0)), Some(DecodeProblem::Negative(-1)));
    assert_eq!(problem(row.get::<i64>(3)), Some(DecodeProblem::NoColumn));
    let empty = one(&db, "b").await?;
    assert_eq!(problem(empty.get::<Vec<u8>>(2)), Some(kind("BYTEA", "NULL")));
    assert_eq!(empty.get::<Option<i64>>(0)?, None);

    let fraction = query(&db, "SELECT n * 0.5 AS half FROM things WHERE org = $1", params![org()]).await;
    let named = matches!(&fraction, Err(DbError::Decode { column, .. }) if column == "half");
    assert!(named, "{fraction:?}");
    assert!(matches!(problem(fraction), Some(DecodeProblem::EngineType(_))));
    let two = write(&db, |tx| tx.query_opt("SELECT id FROM things WHERE org = $1", &params![org()])).await;
    assert!(matches!(two, Err(DbError::TooManyRows { .. })), "{two:?}");
    db.close().await;
    Ok(())
}

async fn one(db: &Db, id: &str) -> Result<Row, DbError> {
    let rows = query(db, GET, params![org(), id]).await?;
    rows.into_iter().next().ok_or(DbError::NoRow { sql: GET })
}

fn problem<T>(read: Result<T, DbError>) -> Option<DecodeProblem> {
    match read {
        Err(DbError::Decode { problem, .. }) => Some(problem),
        _ => None,
    }
}

pub(super) async fn constraints_are_enforced(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    write(&db, |tx| put(tx, "a")).await?;
    let part = "INSERT INTO parts (org, id, thing, n) VALUES ($1, $2, $3, $4)";
    for row in [
        params![org(), "p", "a", -1_i64],
        params![org(), "p", "absent", 1_i64],
        params![org(), "p", "a", None::<i64>],
    ] {
        let error = write(&db, move |tx| tx.execute(part, &row)).await.err();
        assert!(matches!(error, Some(DbError::Constraint { .. })), "{error:?}");
    }
    let again = write(&db, |tx| put(tx, "a")).await;
    assert!(matches!(again, Err(DbError::Constraint { .. })), "{again:?}");
    db.close().await;
    Ok(())
}

pub(super) async fn many_rows_are_written_in_order(url: DbUrl) -> Result<(), DbError> {
    let db = open(&url).await?;
    // Each step depends on the one before, and they are more than go out at once.
    let step = "INSERT INTO things (org, id, n) VALUES ($1, $2, $3) \
         ON CONFLICT (org, id) DO UPDATE SET n = (things.n * 31 + excluded.n) % 1000003";
    let rows: Vec<_> = (0..600_i64).map(|n| params![org(), "a", n]).collect();
    let last = (0..600).fold(0, |sum, n| (sum * 31 + n) % 1_000_003);
    let done = write(&db, move |tx| Ok(tx.execute_many(step, &rows)? + tx.execute_many(step, &[])?));
    assert_eq!(done.await?, 600);
    let rows = query(&db, GET, params![org(), "a"]).await?;
    assert_eq!(rows[0].get::<i64>(0)?, last);
    // One that fails in the middle leaves none of them.
    let rows = [params![org(), "b"], params![org(), "a"], params![org(), "c"]];
    let put = "INSERT INTO things (org, id) VALUES ($1, $2)";
    let failed = write(&db, move |tx| tx.execute_many(put, &rows)).await;
    assert!(matches!(failed, Err(DbError::Constraint { .. })), "{failed:?}");
    assert_eq!(ids(&db).await?, ["a"]);
    db.close().await;
    Ok(())
}
