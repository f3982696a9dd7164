use super::*;
use crate::law::{InForce, Mark, Released};
use jiff::civil::{Date, date};

const TODAY: Date = date(2026, 11, 24);

fn measured(value: &str, unit: &str) -> Answer {
    Answer::Number { value: decimal(value), unit: unit.into(), case: None, result: None }
}

fn officer_says(answer: Answer, outcome: Outcome) -> Answer {
    match answer {
        Answer::Number { value, unit, case, .. } => {
            Answer::Number { value, unit, case, result: Some(outcome) }
        }
        Answer::Choice { options, .. } => Answer::Choice { options, result: Some(outcome) },
        other => other,
    }
}

fn of_type(answer: Answer, name: &str) -> Answer {
    match answer {
        Answer::Number { value, unit, result, .. } => {
            Answer::Number { value, unit, case: Some(name.into()), result }
        }
        other => other,
    }
}

struct Bench {
    template: Template,
    law: LawRegister,
    released: Released,
}

impl Bench {
    fn new(file: &str, released: &[&str]) -> Self {
        Self { template: real(file), law: law(), released: released.iter().copied().collect() }
    }

    fn judge(&self, item: &str, answer: &Answer) -> Judgement {
        let item = self.template.item(item).unwrap();
        assert_eq!(check(item, answer), Ok(()));
        judge(item, answer, &self.law, &self.released, TODAY)
    }

    fn verdict(&self, item: &str, answer: &Answer) -> (Verdict, bool) {
        let judgement = self.judge(item, answer);
        (judgement.verdict, judgement.automatic)
    }
}

#[test]
fn a_released_limit_in_force_decides_by_itself() {
    let bench = Bench::new("public-swimming.json", &["GB37488"]);
    let chlorine = |value| bench.verdict("PP-SWIM-012", &measured(value, "mg/L"));
    assert_eq!(chlorine("0.29"), (Verdict::Fail, true));
    assert_eq!(chlorine("0.3"), (Verdict::Pass, true));
    assert_eq!(chlorine("1.00"), (Verdict::Pass, true));
    assert_eq!(chlorine("1.01"), (Verdict::Fail, true));
    let judgement = bench.judge("PP-SWIM-012", &measured("1.01", "mg/L"));
    let why = judgement.why.unwrap();
    assert_eq!((why.comparison, why.mark, why.usable), (Comparison::Above, Mark::SecondarySource, true));
    assert_eq!(why.authorities[0].0, "GB37488");
    assert_eq!(why.bounds[0].max, Some(decimal("1")));
    // Against a limit that decides, an officer's word does not.
    let against = officer_says(measured("1.01", "mg/L"), Outcome::Pass);
    assert_eq!(bench.verdict("PP-SWIM-012", &against), (Verdict::Fail, true));
}

#[test]
fn a_limit_that_nobody_released_warns_and_asks() {
    let bench = Bench::new("public-swimming.json", &[]);
    let judgement = bench.judge("PP-SWIM-012", &measured("0.1", "mg/L"));
    assert_eq!((judgement.verdict, judgement.automatic), (Verdict::NotDecided, false));
    let why = judgement.why.unwrap();
    assert!(why.outside() && !why.usable);
    assert_eq!(why.comparison, Comparison::Below);
    for (outcome, verdict) in [(Outcome::Fail, Verdict::Fail), (Outcome::Pass, Verdict::Pass)] {
        let answer = officer_says(measured("0.1", "mg/L"), outcome);
        assert_eq!(bench.verdict("PP-SWIM-012", &answer), (verdict, false));
    }
    assert_eq!(bench.verdict("PP-SWIM-012", &measured("0.5", "mg/L")), (Verdict::Pass, true));
    let despite = officer_says(measured("0.5", "mg/L"), Outcome::Fail);
    assert_eq!(bench.verdict("PP-SWIM-012", &despite), (Verdict::Fail, false));
}

#[test]
fn a_superseded_provision_decides_nothing_even_when_released() {
    let bench = Bench::new("medical-infection-control.json", &["CRB13-30", "CRB13-37"]);
    let judgement = bench.judge("MED-INF-004", &measured("1", "例"));
    assert_eq!(judgement.verdict, Verdict::NotDecided);
    let why = judgement.why.unwrap();
    assert_eq!((why.mark, why.usable), (Mark::Superseded, false));
    assert!(why.authorities.iter().all(|(_, s)| s.released && s.in_force == InForce::No));
}

#[test]
fn before_a_standard_took_effect_it_decides_nothing() {
    let bench = Bench::new("public-swimming.json", &["GB37488"]);
    let item = bench.template.item("PP-SWIM-012").unwrap();
    let on = |day| judge(item, &measured("5", "mg/L"), &bench.law, &bench.released, day).verdict;
    assert_eq!(on(date(2019, 10, 31)), Verdict::NotDecided);
    assert_eq!(on(date(2019, 11, 1)), Verdict::Fail);
}

/// Carbon dioxide in guest rooms: the standard is known from public pages, this number of it is not.
#[test]
fn an_unverified_number_needs_its_own_release() {
    let template = real("public-lodging.json");
    let item = template.item("PP-LODGE-014").unwrap();
    assert_eq!(item.limit().unwrap().source.mark, Mark::Unverified);
    assert_eq!(item.authorities(), ["GB37488"]);
    let ItemKind::Number(kind) = &item.kind else { panic!() };
    let answer = measured("99999", &kind.unit);
    let bench = |released: &[&str]| Bench::new("public-lodging.json", released).judge(&item.id, &answer);
    let of_standard = bench(&["GB37488"]);
    assert_eq!(of_standard.verdict, Verdict::NotDecided);
    assert_eq!(of_standard.why.unwrap().mark, Mark::Unverified);
    assert_eq!(bench(&["GB37488", &item.id]).verdict, Verdict::Fail);
    assert_eq!(bench(&[&item.id]).verdict, Verdict::NotDecided);
}

#[test]
fn alternatives_leave_open_what_they_disagree_about() {
    let bench = Bench::new("disinfectant-manufacturer.json", &["XDGF-7"]);
    let area = |value| measured(value, "m²");
    assert_eq!(bench.verdict("DIS-005", &area("120")), (Verdict::Pass, true));
    assert_eq!(bench.verdict("DIS-005", &area("59")), (Verdict::Fail, true));
    let between = bench.judge("DIS-005", &area("80"));
    assert_eq!((between.verdict, between.automatic), (Verdict::NotDecided, false));
    assert_eq!(between.why.unwrap().comparison, Comparison::DependsOnCase);
    assert_eq!(bench.verdict("DIS-005", &of_type(area("80"), "生产")), (Verdict::Fail, true));
    assert_eq!(bench.verdict("DIS-005", &of_type(area("80"), "分装")), (Verdict::Pass, true));
}

#[test]
fn exclusive_bounds_exclude_themselves() {
    let bounds = Bounds { min: Some(decimal("0.3")), max: Some(decimal("1")), inclusive: false };
    let compared = ["0.3", "0.30", "0.300001", "0.99", "1.0"].map(|value| bounds.compare(decimal(value)));
    use Comparison::{Above, Below, Within};
    assert_eq!(compared, [Below, Below, Within, Within, Above]);
}

#[test]
fn statements_and_records_count_as_they_are() {
    let bench = Bench::new("public-swimming.json", &[]);
    let stated = |result| bench.verdict("PP-SWIM-001", &Answer::Conformity { result });
    assert_eq!(stated(Outcome::Pass), (Verdict::Pass, false));
    assert_eq!(stated(Outcome::Fail), (Verdict::Fail, false));
    let left_out = Answer::NotApplicable { reason: "无".into() };
    assert_eq!(bench.verdict("PP-SWIM-002", &left_out), (Verdict::NotApplicable, false));
    assert_eq!(bench.verdict("PP-SWIM-012", &left_out), (Verdict::NotApplicable, false));
    // The water's temperature has no limit.
    assert_eq!(bench.verdict("PP-SWIM-023", &measured("26.5", "℃")), (Verdict::Recorded, false));
    let later = Answer::Other(r#"{"type":"spectrum"}"#.into());
    assert_eq!(bench.verdict("PP-SWIM-001", &later), (Verdict::NotDecided, false));
}

#[test]
fn a_choice_passes_by_itself_only_where_one_option_can() {
    let chosen = |option: &str| Answer::Choice { options: [option.to_owned()].into(), result: None };
    let pool = Bench::new("public-swimming.json", &[]);
    assert_eq!(pool.verdict("PP-SWIM-022", &chosen("检出")), (Verdict::Fail, false));
    assert_eq!(pool.verdict("PP-SWIM-022", &chosen("未检出")), (Verdict::Pass, false));
    let bath = Bench::new("public-bathing.json", &[]);
    assert_eq!(bath.verdict("PP-BATH-016", &chosen("检出")), (Verdict::Fail, false));
    assert_eq!(bath.verdict("PP-BATH-016", &chosen("未检测")), (Verdict::NotDecided, false));
    let passed = officer_says(chosen("未检出"), Outcome::Pass);
    assert_eq!(bath.verdict("PP-BATH-016", &passed), (Verdict::Pass, false));
    let school = Bench::new("school.json", &[]);
    assert_eq!(school.verdict("SCH-014", &chosen("桶装水")), (Verdict::Recorded, false));
}
