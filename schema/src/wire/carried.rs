//! What somebody else wrote and signed, carried by whoever has it.
//!
//! A terminal that was lost, a server that was restored, a colleague without a network: what one device signed counts
//! whoever brings it, because its own journal entries come with it, and the server's word whose it is.

use super::sync::Chunk;
use crate::certificate::SignedCertificate;
use crate::document::ChangeId;
use crate::ids::InspectionId;
use crate::journal::SignedEntry;
use minicbor::{Decode, Encode};

/// Work of one device.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Carried {
    /// Whose it is.
    #[n(0)]
    pub certificate: SignedCertificate,
    /// What it signed, in the order of its journal, with gaps: what is about other visits is not here.
    #[n(1)]
    pub entries: Vec<SignedEntry>,
    /// What it wrote; empty where that travels beside.
    #[n(2)]
    pub chunks: Vec<Chunk>,
}

/// How much of an inspection a device has.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Holding {
    /// Which inspection.
    #[n(0)]
    pub inspection: InspectionId,
    /// The changes that no other builds upon: whoever lacks one of them lacks something.
    #[n(1)]
    pub heads: Vec<ChangeId>,
}
