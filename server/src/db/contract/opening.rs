//! Opening a database: its migrations, and whose it is.

use super::{Db, DbError, DbUrl, MIGRATIONS, Migration, ids, params, put, query, write};

const NEXT: Migration = Migration {
    number: 2,
    name: "more",
    sql: "CREATE TABLE more (org TEXT NOT NULL PRIMARY KEY, n BIGINT NOT NULL); -- a table\n\
        INSERT INTO more (org, n) VALUES ('it''s; one', 1);",
};

fn history(next: Migration) -> Vec<Migration> {
    [MIGRATIONS, &[next]].concat()
}

async fn applied(db: &Db) -> Result<Vec<(i64, String)>, DbError> {
    let rows = query(db, "SELECT number, name FROM migrations ORDER BY number", params![]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub(super) async fn migrations_are_applied_once(url: DbUrl) -> Result<(), DbError> {
    let db = Db::open(&url, MIGRATIONS).await?;
    write(&db, |tx| put(tx, "a")).await?;
    db.close().await;
    for _ in 0..2 {
        let db = Db::open(&url, &history(NEXT)).await?;
        assert_eq!(applied(&db).await?, [(1, "things".to_owned()), (2, "more".to_owned())]);
        assert_eq!(ids(&db).await?, ["a"]);
        assert_eq!(query(&db, "SELECT n FROM more", params![]).await?.len(), 1);
        db.close().await;
    }
    Ok(())
}

pub(super) async fn another_history_is_refused(url: DbUrl) -> Result<(), DbError> {
    Db::open(&url, &history(NEXT)).await?.close().await;
    let newer = Db::open(&url, MIGRATIONS).await.err();
    assert!(matches!(newer, Some(DbError::NewerDatabase { found: 2, known: 1, .. })), "{newer:?}");
    let other = Db::open(&url, &history(Migration { name: "other", ..NEXT })).await.err();
    let named = matches!(&other, Some(DbError::OtherHistory { found: 2, found_name, wanted: 2, wanted_name: "other" })
        if found_name == "more");
    assert!(named, "{other:?}");
    let db = Db::open(&url, &history(NEXT)).await?;
    assert_eq!(applied(&db).await?.len(), 2);
    db.close().await;
    Ok(())
}

pub(super) async fn a_failed_migration_leaves_nothing(url: DbUrl) -> Result<(), DbError> {
    let broken = "CREATE TABLE more (n BIGINT NOT NULL); INSERT INTO more (n) VALUES (1); INSERT INTO nowhere (n) VALUES (1);";
    let failed = Db::open(&url, &history(Migration { sql: broken, ..NEXT })).await.err();
    assert!(matches!(failed, Some(DbError::Migration { number: 2, name: "more", .. })), "{failed:?}");
    let db = Db::open(&url, MIGRATIONS).await?;
    assert_eq!(applied(&db).await?, [(1, "things".to_owned())]);
    db.close().await;
    let db = Db::open(&url, &history(NEXT)).await?;
    assert_eq!(query(&db, "SELECT org, n FROM more", params![]).await?.len(), 1);
    db.close().await;
    Ok(())
}

pub(super) async fn nodes_can_migrate_at_once(url: DbUrl) -> Result<(), DbError> {
    let mut opening = Vec::new();
    for _ in 0..4 {
        let url = url.clone();
        opening.push(tokio::spawn(async move { Db::open(&url, &history(NEXT)).await }));
    }
    for node in opening {
        let db = node.await.expect("opening does not panic")?;
        assert_eq!(applied(&db).await?.len(), 2);
        assert_eq!(query(&db, "SELECT n FROM more", params![]).await?.len(), 1);
        db.close().await;
    }
    Ok(())
}
