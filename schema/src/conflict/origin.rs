//! Where a side of a conflict comes from, as printed.

use crate::ids::{DeviceId, InspectionId, OfficerId, RecordId};
use crate::moment::Interval;
use serde::{Deserialize, Serialize};

/// What is known of a side besides the document. Everything may be absent, and later versions may know more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceId>,
    /// Its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub device_name: String,
    /// The officer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerId>,
    /// The officer's name as printed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub officer_name: String,
    /// When it was written, as far as the server can vouch for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written: Option<Interval>,
    /// The visit that the side is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspection: Option<InspectionId>,
    /// The capture that the side is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordId>,
}
