//! Rows for spreadsheets. What came from the field is text there too, never a formula.

/// The media type of a file.
pub const MEDIA_TYPE: &str = "text/csv; charset=utf-8";
/// What a file begins with, so that Excel reads Chinese.
pub const BEGINNING: &str = "\u{FEFF}";

/// One line.
pub fn line<S: AsRef<str>>(cells: &[S]) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            line.push(',');
        }
        push(&mut line, cell.as_ref());
    }
    line.push_str("\r\n");
    line
}

/// A cell in quotes. One that a spreadsheet would compute is begun with an apostrophe; blanks before it do not hide it.
fn push(line: &mut String, cell: &str) {
    line.push('"');
    let begins = cell.trim_start_matches([' ', '\u{3000}', '\u{FEFF}']).chars().next();
    if matches!(
        begins,
        Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '\u{FF1D}' | '\u{FF0B}' | '\u{FF0D}' | '\u{FF20}')
    ) {
        line.push('\'');
    }
    for c in cell.chars() {
        match c {
            '"' => line.push_str("\"\""),
            '\0' => {}
            other => line.push(other),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_computed() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\n=1", "＝1+1"] {
            assert!(line(&[formula]).starts_with("\"'"), "{formula:?}");
        }
        assert_eq!(line(&["云泽宾馆", "a\"b,c", ""]), "\"云泽宾馆\",\"a\"\"b,c\",\"\"\r\n");
    }
}
