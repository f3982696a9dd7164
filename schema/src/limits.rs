//! Every bound of the product, with its reason. Both sides check the same numbers.

/// Bytes of one request or answer body of the sync service, compressed; a weak 3G link carries it in about a minute.
pub const SYNC_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of a sync body after decompression: eight times the wire form, which honest batches stay far below.
pub const SYNC_BODY_PLAIN_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The window of a sync body's zstd stream, as a power of two: 8 MiB, what RFC 8878 asks every reader to grant. Ours are
/// of half a MiB.
pub const SYNC_WINDOW_LOG_MAX: u32 = 23;
/// CBOR items in a sync body. The largest honest one, an answer with a full pull and a verdict for each of a full push's
/// entries and changes, has some 80,000.
pub const SYNC_ITEMS_MAX: usize = 262_144;
/// Bytes of chunks that a terminal puts into one push; small enough to be resent whole after a cut.
pub const PUSH_CHUNK_BYTES_MAX: usize = 1024 * 1024;
/// Journal entries in one push.
pub const PUSH_ENTRIES_MAX: usize = 4096;
/// Rows that the server returns to one pull; `more` says that others wait.
pub const PULL_ROWS_MAX: usize = 2048;
/// Bytes of row bodies in one pull, before compression.
pub const PULL_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Inspections that one request asks to be given whole.
pub const WANTS_MAX: usize = 64;
/// Inspections of which one request says what the device has: some 25 KiB.
pub const HOLDINGS_MAX: usize = 256;
/// Files in an inspection's package: captures of a visit are hundreds at most.
pub const PACKAGE_FILES_MAX: usize = 4096;
/// Bytes of a package's file at a server: twice the longest original, since a visit has a film and hundreds of photos. What
/// is larger travels without its originals.
pub const PACKAGE_BYTES_MAX: u64 = 2 * EVIDENCE_BYTES_MAX;
/// Packages that a server takes in or makes at the same time: each lies on its disk for as long as that takes.
pub const PACKAGES_AT_ONCE_MAX: usize = 4;
/// Devices whose work one request carries.
pub const CARRIED_MAX: usize = 256;
/// Bytes of a JSON request body.
pub const JSON_BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of one change of an inspection. The largest honest one is a pasted narrative.
pub const CHANGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Bytes of a whole document as a parcel of changes, uncompressed; what is larger goes as single changes.
pub const DOCUMENT_BYTES_MAX: usize = CHANGE_BYTES_MAX;
/// A document is sent, either way, when it has at most so many bytes for each change that it brings: uncompressed it
/// compresses to a fifteenth, while a single change leaves some forty bytes that do not compress.
pub const DOCUMENT_BYTES_PER_CHANGE: usize = 512;
/// Fewer changes than these are sent one by one.
pub const DOCUMENT_CHANGES_MIN: usize = 8;
/// Operations in one change, and predecessors of all of them together.
pub const CHANGE_OPS_MAX: usize = 1_000_000;
/// Operations in all changes of one request to the sync service: what goes beyond is offered again in the next round. A
/// million take some 1.7 s to look at and 400 MB, so nobody brings more than that at a time.
pub const SYNC_OPS_MAX: usize = CHANGE_OPS_MAX;
/// Changes of one device that the server holds and that are not part of the record: not judged yet, waiting for others, or
/// held apart. A year off line with everything held apart stays below; an operator can set another number.
pub const DEVICE_BACKLOG_ITEMS_MAX: u64 = 200_000;
/// Bytes of these changes.
pub const DEVICE_BACKLOG_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Journal entries of one device, on its chain and beside it: three hundred on each working day of twenty years, and a third
/// more. An operator can set another number, here and below.
pub const DEVICE_ENTRIES_MAX: u64 = 2_000_000;
/// Bytes of these entries: an honest one has some four hundred.
pub const DEVICE_ENTRIES_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;
/// Journal entries taken of one device on one day, and changes: a year off line comes in at once.
pub const DEVICE_DAY_ITEMS_MAX: u64 = 200_000;
/// Bytes of either.
pub const DEVICE_DAY_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// Bytes of originals taken of one device on one day: what a link of 25 Mbit/s carries in it.
pub const DEVICE_DAY_EVIDENCE_BYTES_MAX: u64 = 256 * 1024 * 1024 * 1024;
/// Bytes of originals of one device that are held apart: a few weeks of a body recorder.
pub const DEVICE_APART_EVIDENCE_BYTES_MAX: u64 = 128 * 1024 * 1024 * 1024;
/// Percent of any of these from which on people are told.
pub const DEVICE_BACKLOG_NEAR_PERCENT: u64 = 80;
/// Changes of one writer that one entry covers at most: losing the terminal's last minute must not lose a day's signatures.
pub const RUN_CHANGES_MAX: u64 = 64;
/// Seconds after which a change is covered by an entry at the next act, whatever is written meanwhile.
pub const RUN_SECONDS_MAX: i64 = 60;
/// Changes of an open visit that stand by themselves on a terminal before they are folded into one document: making it
/// costs what the whole visit weighs.
pub const FOLD_CHANGES_MIN: u64 = 32;
/// Changes that a terminal folds after a sync: whoever waits for the sync waits for that, too, some 5 ms for a visit.
pub const FOLD_CHANGES_MAX: u64 = 512;
/// Changes that a terminal takes out of folds for a round: what a restored server lost should be back soon.
pub const UNFOLD_CHANGES_MAX: u64 = 4096;
/// Visits that a terminal looks at after a sync, to fold them or to delete what was left: it has thousands.
pub const RETENTION_VISITS_MAX: usize = 64;
/// Bytes of originals that a terminal encrypts after a sync, of those that a version before the encryption left in the clear: about a
/// second's work. One that is larger is encrypted at once all the same.
pub const ENCRYPTED_AT_ONCE_BYTES: u64 = 64 * 1024 * 1024;
/// Bytes that a terminal keeps free for answers, notes and signatures: captures stop before. A thousand visits take some 60 MiB.
pub const CAPTURE_FLOOR_BYTES: u64 = 256 * 1024 * 1024;
/// Milliseconds after which a recording of which nothing came is ended: a page sends every two seconds, and is gone then.
pub const RECORDING_IDLE_MS: u64 = 60_000;
/// Bytes of a capture after which is looked again how much is free.
pub const CAPTURE_ROOM_CHECK_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of one journal entry.
pub const JOURNAL_ENTRY_BYTES_MAX: usize = 64 * 1024;
/// Bytes of a key in an inspection document: an item, a record or a conflict.
pub const KEY_BYTES_MAX: usize = 256;
/// Bytes of a narrative, a statement or a note (UTF-8): about 300 pages, so that nobody honest meets it.
pub const TEXT_BYTES_MAX: usize = 1024 * 1024;
/// Bytes of one piece of evidence: two hours of video from a body recorder.
pub const EVIDENCE_BYTES_MAX: u64 = 8 * 1024 * 1024 * 1024;
/// Bytes of one upload request; a cut costs at most this much.
pub const EVIDENCE_PART_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Originals of one device that are on their way at the same time: over a link with a long way a single request leaves it idle.
/// Each holds a part in memory on either side.
pub const UPLOADS_AT_ONCE_MAX: usize = 3;
/// Bytes from which on an original is a large one, which goes after all others and by itself: more than photos have.
pub const EVIDENCE_LARGE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes of an original of which the server makes a preview: a photo of fifty megapixels with hardly any compression.
pub const PREVIEW_ORIGINAL_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Pixels of such an original; a few bytes can claim four thousand million.
pub const PREVIEW_PIXELS_MAX: u64 = 100_000_000;
/// Bytes that decoding it may take: these pixels in colour with transparency, and room for the decoder.
pub const PREVIEW_DECODED_BYTES_MAX: u64 = 512 * 1024 * 1024;
/// Pixels of a preview's longer side: four times what a list shows, for screens with small pixels.
pub const PREVIEW_SIDE_MAX: u32 = 480;
/// Bytes of a preview: more than so many pixels of noise take.
pub const PREVIEW_BYTES_MAX: usize = 1024 * 1024;
/// Characters of the reason why there is no preview, as decoders give it.
pub const PREVIEW_REASON_CHARS_MAX: usize = 200;
/// Seconds until a preview is tried once more over which a worker died or was late.
pub const PREVIEW_RETRY_SECONDS: i64 = 24 * 3600;
/// Days until somebody is asked about a capture whose original has not come: a terminal that is out for a working week and
/// the weekend sends it on the next Monday, and a question before that would be noise.
pub const EVIDENCE_DAYS_MAX: i64 = 9;
/// Days within which a running server has read every original that it holds: as long as terminals keep theirs after the receipt
/// (`BACKUP_HORIZON_SECONDS`), so that what a disk lost since an upload is found while somebody can still send it again.
pub const SCRUB_DAYS_MAX: i64 = 30;
/// Seconds between two looks at some originals: what is read in between is small, and nobody waits for it.
pub const SCRUB_REST_SECONDS: i64 = 10;
/// Bytes of originals that one look reads at least, where so many are due; it ends with the original that reaches them. A photo's
/// size, or 36 GB a day. A server that holds more than it could read in this way reads more at a time.
pub const SCRUB_BYTES_MIN: u64 = 4 * 1024 * 1024;
/// Originals that one look takes up at least, where so many are due.
pub const SCRUB_ORIGINALS_MIN: u64 = 64;
/// Seconds after which an original with which something is the matter is looked at again: a store that was away for an hour is
/// not complained of for weeks.
pub const SCRUB_AGAIN_SECONDS: i64 = 24 * 3600;
/// Days within which two unfinished visits of one entity with one checklist look like one that was dispatched twice: plans
/// are drawn by the month.
pub const TWIN_VISITS_DAYS: i64 = 30;
/// Nesting of rules: deeper than any in the source data, shallow enough for every stack.
pub const RULE_DEPTH_MAX: usize = 8;
/// Reasons and comments that people type when they decide (characters).
pub const REASON_CHARS_MAX: usize = 2000;
/// Characters of a fact of the directory that is proposed from the field: one line that people read.
pub const DIRECTORY_FIELD_CHARS_MAX: usize = 200;
/// Proposals of one visit that are taken up: more than an entity has facts, by far.
pub const PROPOSALS_MAX: usize = 100;
/// Captures that one proposal points to.
pub const PROPOSAL_EVIDENCE_MAX: usize = 20;
/// Paper forms registered in one visit that are taken up: a day's stack of paper is a tenth of it.
pub const PAPERS_MAX: usize = 200;
/// The highest number of a series in a year: what a province registers, with room.
pub const SERIAL_MAX: u32 = 999_999;
/// Days before a year's end from which on terminals carry numbers of the next one, too: who is in the field over New Year
/// has no link when it begins.
pub const NEXT_YEAR_DAYS: i64 = 10;
/// Numbers of a series that a server passes over when it came back from a backup: what it had given to terminals since must
/// not be given again.
pub const NUMBERS_SKIPPED_AFTER_RESTORE: u32 = 200;
/// Characters of a reason to let in, or keep apart, what is in quarantine: a single sign says nothing.
pub const QUARANTINE_REASON_CHARS_MIN: usize = 2;
/// Changes held apart upon which another one may build when its contents are read: an officer's day.
pub const QUARANTINE_BESIDE_MAX: i64 = 500;
/// Bytes of one of them; what is larger is not read for the sake of another.
pub const QUARANTINE_BESIDE_BYTES_MAX: i64 = 64 * 1024;
/// Places of a change that is held apart that are shown; a hostile one can name a million.
pub const QUARANTINE_PLACES_MAX: usize = 200;
/// Seconds that an enrolment code stays valid: long enough to carry it to a colleague, too short to lie around.
pub const ENROLMENT_CODE_SECONDS: i64 = 24 * 3600;
/// Seconds that a session challenge stays valid.
pub const CHALLENGE_SECONDS: i64 = 120;
/// Seconds that a device session lasts before the device signs a new challenge.
pub const DEVICE_SESSION_SECONDS: i64 = 3600;
/// Seconds that a console session lasts without use (ASVS 7.3.1).
pub const CONSOLE_IDLE_SECONDS: i64 = 30 * 60;
/// Seconds that a console session lasts at most (ASVS 7.3.2): one working day.
pub const CONSOLE_SESSION_SECONDS: i64 = 12 * 3600;
/// Failed sign-ins (or enrolments) from one place or for one account before further tries must wait.
pub const SIGN_IN_FAILURES_MAX: i64 = 5;
/// Seconds in which failures are counted.
pub const SIGN_IN_WINDOW_SECONDS: i64 = 15 * 60;
/// Seconds for which a terminal keeps originals after the receipt, in case the server is restored from a backup.
pub const BACKUP_HORIZON_SECONDS: i64 = 30 * 24 * 3600;

// Checklists.

/// Bytes of a checklist template: twenty times the largest one in the source data.
pub const TEMPLATE_BYTES_MAX: usize = 1024 * 1024;
/// Items of a checklist: more than an officer can answer in a day.
pub const TEMPLATE_ITEMS_MAX: usize = 500;
/// Entries of any list inside a checklist item: options, provisions, evidence.
pub const ITEM_LIST_MAX: usize = 64;
/// Characters of any text in a checklist template.
pub const ITEM_TEXT_CHARS_MAX: usize = 2000;
/// Characters of the id of a template or of an item.
pub const ITEM_ID_CHARS_MAX: usize = 64;
/// Digits behind the point that a numeric item may ask for.
pub const ITEM_DECIMALS_MAX: u32 = 6;
/// Photos that an item may demand at least.
pub const ITEM_PHOTOS_MAX: u32 = 50;

// Draws.

/// Entities in the frozen directory of one draw: the register of a large city, and still a file that a laptop re-runs.
pub const DRAW_ENTITIES_MAX: usize = 50_000;
/// Officers in the frozen directory of one draw: a province's.
pub const DRAW_OFFICERS_MAX: usize = 5_000;
/// Officers of one team.
pub const DRAW_TEAM_SIZE_MAX: u32 = 10;
/// Officers that a team keeps when somebody leaves it: the law asks for two at an inspection (行政处罚法第四十二条).
pub const TEAM_SIZE_MIN: u32 = 2;
/// Conditions by which a plan gives weight.
pub const DRAW_WEIGHT_RULES_MAX: usize = 32;
/// What one condition may add to a weight; with the bounds above every sum stays exact in JSON readers.
pub const DRAW_WEIGHT_ADD_MAX: u32 = 1_000;
/// Bytes of the public entropy: some digits from two witnesses, or a beacon's value in hex.
pub const DRAW_ENTROPY_BYTES_MAX: usize = 1_024;
