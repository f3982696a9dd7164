//! The simulator: some bad weeks in each proof.

use fieldproof_tests::sim::plan::{Plan, Profile};
use fieldproof_tests::sim::stage::Stock;
use fieldproof_tests::sim::{explore, play};
use std::fs;
use std::path::Path;

/// Worlds of each kind of bad luck.
const WORLDS: u64 = 2;
/// The first seed of worlds on PostgreSQL.
const ON_POSTGRESQL: u64 = 100;

#[tokio::test]
async fn bad_weeks_lose_nothing_and_go_one_way() {
    let stock = Stock::make().await;
    for seed in 0..WORLDS * Profile::ALL.len() as u64 {
        let profile = Profile::of(seed);
        let run = explore(&stock, seed, profile).await.unwrap_or_else(|failure| panic!("{failure}"));
        let again = play(&stock, seed, &Plan::draw(seed, profile)).await.unwrap();
        // Whatever the clock and the disks showed at any step.
        assert_eq!(run.trace, again.trace, "seed {seed}");
    }
}

/// The same on the other engine: nothing fails under the server itself there, so that kind is left out.
#[tokio::test]
async fn bad_weeks_lose_nothing_on_postgresql() {
    let stock = Stock::make_on_postgresql().await;
    for profile in Profile::ALL.into_iter().filter(|profile| *profile != Profile::Disk) {
        let seed = ON_POSTGRESQL + profile as u64;
        explore(&stock, seed, profile).await.unwrap_or_else(|failure| panic!("{failure}"));
    }
}

/// What the simulator found, and is mended: it stays found.
const MENDED: &[(&str, u64, &str)] = &[
    (
        "A restored server met changes before the entries that cover them, since it lacked the entries before those; it held
         them apart as uncovered, and nobody sent them again.",
        1041,
        "back-up 331 20319; sync 53 64022; restore 226 83652; write 896 51832; sync 698 25827; answer 680 42125",
    ),
    (
        "A terminal that came back older said anew, behind the server's tip, that it had come back older before: its chain
         named a base that it did not stand on.",
        1077,
        "lose 638 12761; clone 470 76551; disk 132 24315; sync 593 74331; sync 12 46022; sync 566 98797",
    ),
    (
        "A copy of a terminal was ahead of the first one, which then caught up: nobody was told that they were two.",
        4,
        "clone 235 99431; sync 969 327; clone 632 72290; answer 419 56493; sync 323 88671; write 158 29500; answer 255 2904;
         pass 46 87195; write 808 5330",
    ),
    (
        "A colleague wrote upon what a revoked terminal had written, which came by a package: nobody decided about it, and the
         colleague's work waited.",
        312,
        "revoke 2 64147; write 2 83914; package 329 13468; propose 813 43130",
    ),
    (
        "An original went to a colleague in a package and its own terminal was lost: the server waited for it for ever.",
        139,
        "capture 883 60405; package 658 44985; lose 376 78486",
    ),
    (
        "A change was held apart as uncovered, and came again inside a document: it counted, and people were asked about it
         for good.",
        167,
        "write 544 51201; back-up 247 17050; sync 412 85129; sync 500 31312; restore 999 54506; write 2 43899; sync 2 9966",
    ),
    (
        "A copy offered what no entry covered with every round, and each time the server told the team what it had told before:
         the sync did not end.",
        20096,
        "back-up 996 62417; disk 577 58600; roll-back 559 20485; sync 699 2626; clone 764 51; settle 473 51595; write
         179 30707; settle 324 94765; sync 407 33679; sync 794 79177; roll-back 305 80574; clone 0 3585; seal 417
         21645; write 3 31552; sync 0 63275; rubbish 307 71927; sync 3 46453; sync 0 76785; sync 3 56184; clock 708
         91336; capture 0 70119; reopen 267 25934; write 0 60509; settle 333 84587; sync 0 43788; cosign 830 65932;
         sync 615 75951; link 427 31099; delay 787 39268; revoke 706 23241; rebuild 739 56436; restore 465 938; sync
         614 99179; sync 36 20013; link 529 61399; server-power 758 3306; rubbish 812 28104; back-up 0 3802; write
         133 74831; write 0 51386; link 685 91642; capture 0 52619; sync 0 23725; forge 442 92769; reassign 0 11014;
         cosign 205 97832; reassign 0 57853; sync 0 15129; keep 486 4315; restore 999 85507; decide 769 21675; sync 0
         24054; raise 650 80797; clock 607 18710; sync 623 19282; link 142 66595; answer 120 26837; power 94 58796;
         sync 230 99364; forge 356 94249",
    ),
    (
        "A terminal came back older, and then the server: what it had sent before came back to it without what vouches for it.",
        41,
        "back-up 0 43062; keep 0 89616; write 0 27875; sync 0 560; roll-back 999 19025; sync 0 76903; restore 720 12687;
         propose 441 54689",
    ),
    (
        "The same with nothing written: of the entry that it went on behind, it had the name and took it for the entry.",
        33,
        "sync 0 74694; back-up 0 48357; keep 0 75247; sync 0 26549; roll-back 999 97476; sync 0 96407; restore 999 2935",
    ),
    (
        "A colleague brought what a terminal had signed before both came back older: people were told of a second terminal.",
        43613,
        "keep 844 18155; back-up 417 21419; answer 73 123; seal 562 89039; sync 718 72910; sync 438 42297; roll-back 785 89710;
         sync 1 19472; restore 189 38704",
    ),
    (
        "A package brought what a revoked terminal wrote, and it was held apart under the name of whoever took it in as well.",
        63456,
        "revoke 49 38638; answer 505 55959; package 670 92646; sync 710 42663; write 914 52634",
    ),
    (
        "A terminal's disk failed to sync, and its program ended upon that. The next one went on in the log that had never reached
         the disk: what it saved was gone after a power cut.",
        100_982,
        "disk 358 54509; capture 433 45063; write 739 51681; power 814 4178; sync 211 12203",
    ),
    (
        "A package brought what a terminal had signed of which the server had nothing, and the terminal came back older: people
         were told of a second one.",
        200_060,
        "write 732 1666; keep 201 37714; answer 561 31559; keep 104 2226; keep 994 70484; package 432 76915; roll-back 105 50214;
         answer 54 34743",
    ),
    (
        "A copy had its changes folded, the server was restored, and the copy rolled forward: their entry got another name, of
         which the fold did not know, and they were never offered again.",
        400_049,
        "write 0 40251; write 0 11826; write 0 74768; clone 744 68642; back-up 345 98698; sync 695 87201; restore 316 38591;
         reopen 876 52470",
    ),
    (
        "A server lost power each time it judged, and held the end of a run apart as what cannot be judged; what the same entry
         covers besides waited for it, and the world took that for nothing to wait for.",
        400_718,
        "sync 0 14296; answer 420 45593; power 772 99571; server-power 656 40251; answer 0 99329; answer 1 80578; sync 0 48281;
         sync 571 20305; server-power 355 81899; write 754 71044; sync 160 54893; server-power 955 33965; sync 436 14264",
    ),
    (
        "The same backup was put back twice, and the second time the server gave numbers again that it had given after the first.",
        500_027,
        "back-up 0 36023; restore 999 46123; sync 2 85289; restore 999 58646; paper 251 38289; sync 669 74407; paper 582 22363",
    ),
    (
        "Two requests of a terminal were under way when its store came back older, and arrived after it had gone on elsewhere:
         people were told of a second terminal.",
        600_254,
        "sync 0 60170; delay 420 30298; keep 0 51005; delay 0 86735; sync 0 22961; roll-back 999 7984; sync 0 85269",
    ),
    (
        "A terminal came back older, and then the server twice: what its next request brought did not follow the tip, and was taken
         for a second terminal's.",
        700_682,
        "back-up 0 39545; keep 0 39864; sync 0 25600; roll-back 999 58534; back-up 662 90467; sync 0 54327; back-up 591 66229;
         restore 999 63104; sync 0 98321; restore 659 71517; paper 705 23136",
    ),
];

#[tokio::test]
async fn what_was_mended_stays_mended() {
    let stock = Stock::make().await;
    for (story, seed, plan) in MENDED {
        if let Err(broken) = play(&stock, *seed, &plan.parse().unwrap()).await {
            panic!("{story} {broken}");
        }
    }
}

#[test]
fn a_plan_is_read_as_it_was_written() {
    let plan = Plan::draw(6, Profile::Mixed).to_string();
    assert_eq!(plan.parse::<Plan>().unwrap().to_string(), plan);
    assert!("answer 1".parse::<Plan>().is_err() && "nothing 1 2".parse::<Plan>().is_err());
}

/// Bugs are planted for the tests alone: no crate that people run asks for the feature.
#[test]
fn no_product_asks_for_planted_bugs() {
    let asks = |manifest: &str| {
        let lines = manifest.lines().map(str::trim).filter(|line| !line.starts_with('#'));
        lines.filter(|line| line.contains("planted")).map(str::to_owned).collect::<Vec<_>>()
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace around the crate");
    assert_eq!(asks(&fs::read_to_string(root.join("Cargo.toml")).unwrap()), [] as [String; 0]);
    for entry in fs::read_dir(root).unwrap() {
        let entry = entry.unwrap();
        let Ok(manifest) = fs::read_to_string(entry.path().join("Cargo.toml")) else { continue };
        match entry.file_name().to_str() {
            Some("schema") => assert_eq!(asks(&manifest), ["planted = []"]),
            Some("tests") => assert_eq!(asks(&manifest).len(), 1),
            _ => assert_eq!(asks(&manifest), [] as [String; 0]),
        }
    }
}
