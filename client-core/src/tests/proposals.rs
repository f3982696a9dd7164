//! Correction proposals: made, changed, taken back; and told on the spot where two cannot both stand.

use crate::testing::{Server, TestHost, Visit, colleague, me, terminal};
use crate::{Client, ClientError, Correction, Obstacle};
use fieldproof_schema::directory::EntityField;
use fieldproof_schema::document::{Actor, Document};
use fieldproof_schema::ids::RecordId;
use fieldproof_schema::moment::Moment;
use fieldproof_schema::proposal::Proposal;
use fieldproof_schema::reference::{EntityRow, ProposalFate, ProposalState};
use fieldproof_schema::wire::error::ErrorCode;
use fieldproof_schema::wire::row::{Body, Row};
use serde_json::Map;
use std::sync::Arc;
use tempfile::TempDir;

fn directory(visit: &Visit, address: &str) -> Row {
    let row = EntityRow {
        id: visit.identity.entity.id,
        code: "ENT-001".into(),
        name: "清泉浴池（虚构）".into(),
        uscc: None,
        address: address.into(),
        fields: Map::new(),
    };
    let body = Body::Reference(serde_json::to_string(&row).unwrap());
    Row { kind: "entity".into(), subject: row.id.to_string(), body }
}

fn moved(value: &str) -> Correction {
    Correction {
        field: EntityField::Address,
        value: value.into(),
        reason: "现场核对门牌".into(),
        evidence: vec![],
    }
}

async fn start() -> (TempDir, Server, Visit, Client) {
    let dir = tempfile::tempdir().unwrap();
    let (host, server, visit) = (Arc::new(TestHost::new(1)), Server::new(me()), Visit::new(3));
    server.publish(visit.rows());
    server.publish(vec![directory(&visit, "旧路1号")]);
    let client = terminal(dir.path(), &host, &server).await;
    (dir, server, visit, client)
}

#[tokio::test]
async fn a_proposal_is_made_changed_and_taken_back_and_stays_in_the_record() {
    let (_dir, _server, visit, client) = start().await;
    let record = client.propose(visit.id, None, &moved(" 新路2号 ")).unwrap();
    let book = client.proposals(visit.id).unwrap();
    let [line] = book.proposals.as_slice() else { panic!("{book:?}") };
    let said = &line.proposed.proposal;
    assert_eq!((said.base.as_deref(), said.value.as_str()), (Some("旧路1号"), "新路2号"));
    assert_eq!((line.state(), book.conflicts.len(), book.listed), (ProposalState::Open, 0, true));
    assert_eq!(line.author.as_ref().unwrap().name.as_deref(), Some("李敏"));

    assert_eq!(client.propose(visit.id, Some(record), &moved("新路3号")).unwrap(), record);
    let book = client.proposals(visit.id).unwrap();
    assert_eq!(book.proposals.len(), 1);
    assert_eq!(book.proposals[0].proposed.proposal.value, "新路3号");
    client.take_back(visit.id, record).unwrap();
    assert!(client.proposals(visit.id).unwrap().proposals.is_empty());
    let register = &client.inspection(visit.id).unwrap().view.proposals[&record.to_string()];
    assert!(Proposal::from_register(&register.standing.value).unwrap().withdrawn);
}

#[tokio::test]
async fn what_the_directory_would_not_take_is_refused_and_nothing_is_written() {
    let (_dir, _server, visit, client) = start().await;
    let heads = client.inspection(visit.id).unwrap().heads;
    let propose = |correction: &Correction| client.propose(visit.id, None, correction).unwrap_err();
    let code = Correction { field: EntityField::Uscc, ..moved("92390121MA8P3MR10B") };
    assert_eq!(propose(&code).code(), ErrorCode::FieldInvalid);
    assert_eq!(propose(&moved("  ")).code(), ErrorCode::FieldInvalid);
    let silent = Correction { reason: " ".into(), ..moved("新路2号") };
    assert_eq!(propose(&silent).code(), ErrorCode::ReasonMissing);
    let strange = Correction { evidence: vec![RecordId::from_bytes([9; 16])], ..moved("新路2号") };
    assert_eq!(propose(&strange).code(), ErrorCode::FieldInvalid);
    let same = propose(&moved("旧路1号"));
    assert!(matches!(same, ClientError::StateWrong { why: Obstacle::DirectorySaysSo }));
    let unknown = client.take_back(visit.id, RecordId::from_bytes([9; 16])).unwrap_err();
    assert_eq!(unknown.code(), ErrorCode::NotFound);
    assert_eq!(client.inspection(visit.id).unwrap().heads, heads);
}

#[tokio::test]
async fn the_officer_is_told_on_the_spot_where_two_proposals_or_the_directory_disagree() {
    let (_dir, server, visit, client) = start().await;
    client.propose(visit.id, None, &moved("新路2号")).unwrap();
    // A colleague found something else, on another terminal.
    let mut theirs: Document = visit.document();
    let own = &client.proposals(visit.id).unwrap().proposals[0].proposed.proposal.clone();
    let other = Proposal { value: "新路5号".into(), ..own.clone() };
    let (_, written) = theirs
        .edit(Actor([0x44; 16]), Moment::from_micros(1), |edit| {
            edit.proposal(&RecordId::from_bytes([4; 16]).to_string(), &other.to_register())
        })
        .unwrap();
    let (_, raw) = written.unwrap();
    server.publish(vec![visit.change_row(&raw, Some(colleague()))]);
    client.sync(&server).await.unwrap();
    let book = client.proposals(visit.id).unwrap();
    let [conflict] = book.conflicts.as_slice() else { panic!("{book:?}") };
    let names: Vec<_> =
        conflict.sides.iter().map(|side| side.origin.as_ref().unwrap().officer_name.as_str()).collect();
    assert!(names.contains(&"李敏") && names.contains(&"王强"), "{names:?}");
    assert!(book.proposals.iter().all(|line| line.is_side_of(conflict)));

    // The directory changes meanwhile: its words are a side, too.
    server.publish(vec![directory(&visit, "别路9号")]);
    client.sync(&server).await.unwrap();
    let book = client.proposals(visit.id).unwrap();
    assert_eq!(book.conflicts[0].sides.len(), 3);
    assert_eq!(book.row.address, "别路9号");
}

#[tokio::test]
async fn what_was_decided_is_shown_and_not_changed_any_more() {
    let (_dir, server, visit, client) = start().await;
    let record = client.propose(visit.id, None, &moved("新路2号")).unwrap();
    let change = client.proposals(visit.id).unwrap().proposals[0].proposed.change;
    let fate = ProposalFate {
        record,
        change,
        state: "rejected".into(),
        conflict: None,
        value: None,
        reason: "门牌未变".into(),
        by: "审核员".into(),
        at: Some(Moment::from_micros(5)),
    };
    let mut row = visit.row();
    row.proposals = vec![fate.clone()];
    server.publish(vec![visit.inspection_row(&row)]);
    client.sync(&server).await.unwrap();
    let book = client.proposals(visit.id).unwrap();
    assert_eq!(book.proposals[0].fate, Some(fate));
    assert_eq!(book.proposals[0].state(), ProposalState::Rejected);
    let again = client.propose(visit.id, Some(record), &moved("新路3号")).unwrap_err();
    assert!(matches!(again, ClientError::StateWrong { why: Obstacle::ProposalDecided }));
    assert!(client.take_back(visit.id, record).is_err());
    // Another one can be made.
    client.propose(visit.id, None, &moved("新路3号")).unwrap();
    assert_eq!(client.proposals(visit.id).unwrap().proposals.len(), 2);
}
