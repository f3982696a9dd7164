//! The last day of a task, where the plan sets one: the end of the window in which it is dispatched, or of the next.

use crate::plans::PlanRow;
use jiff::civil::Date;
use serde_json::Value;

/// The end of the first window of months that has not passed on `today`; none where the plan names no such window.
pub fn of(plan: &PlanRow, today: Date) -> Option<Date> {
    let windows = plan.rest.get("windows").and_then(Value::as_array)?;
    let month = |window: &Value| i8::try_from(window.get("toMonth")?.as_i64()?).ok();
    let ends = windows.iter().filter_map(month).filter_map(|month| Date::new(plan.year, month, 1).ok());
    ends.map(Date::last_of_month).filter(|end| *end >= today).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use fieldproof_schema::data;

    #[test]
    fn a_task_is_due_at_the_end_of_the_window_that_is_open_or_comes_next() {
        let file: Value = serde_json::from_str(data::draw_plan_beidaihe_2020()).unwrap();
        let school: PlanRow = serde_json::from_value(file["plans"][5].clone()).unwrap();
        let due = |today: &str| of(&school, today.parse().unwrap()).map(|day| day.to_string());
        assert_eq!(due("2020-04-02").as_deref(), Some("2020-07-31"));
        assert_eq!(due("2020-08-01").as_deref(), Some("2020-12-31"));
        assert_eq!(due("2021-01-01"), None);
    }
}
