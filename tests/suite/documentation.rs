//! What the documents promise about the code.

use fieldproof_schema::wire::error::ErrorCode;

#[test]
fn every_error_code_has_its_row() {
    let page = include_str!("../../docs/ERRORS.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| `")).collect();
    for code in ErrorCode::ALL {
        let start = format!("| `{}` | {} |", code.as_str(), code.status());
        assert_eq!(rows.iter().filter(|row| row.starts_with(&start)).count(), 1, "{start}");
    }
    assert_eq!(rows.len(), ErrorCode::ALL.len(), "the page has rows for codes that do not exist");
}
