//! A regulated entity, and what rules see of it.

use super::JsonFields;
use crate::rule::Fields;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A regulated entity (检查对象).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    /// Its code in the file.
    #[serde(rename = "id")]
    pub code: String,
    /// Its name (单位名称).
    pub name: String,
    /// Its unified social credit code (统一社会信用代码); unlicensed and old registrations have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uscc: Option<String>,
    /// The code of the region that supervises it.
    #[serde(rename = "orgId")]
    pub org_code: String,
    /// The code of the township that it lies in.
    #[serde(rename = "townId", default, skip_serializing_if = "Option::is_none")]
    pub town_code: Option<String>,
    /// Where it is.
    pub address: String,
    /// Where it is on the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// The legal representative or person in charge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub legal_representative: Option<String>,
    /// Specialty paths, for instance `publicPlace/swimming`; rules read them as `specialty`.
    pub specialties: Vec<String>,
    /// The day of registration, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_date: Option<String>,
    /// `established`, `suspended` or `deregistered`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registration_status: Option<String>,
    /// Its licences.
    #[serde(default)]
    pub licences: Vec<Licence>,
    /// Facts that rules read by name, for instance `hasCentralAirConditioning`.
    #[serde(default)]
    pub attributes: Map<String, Value>,
    /// Whatever else the file holds: risk, credit, categories.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A point on the map, as it was recorded and never converted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Location {
    /// Degrees east.
    pub lon: f64,
    /// Degrees north.
    pub lat: f64,
    /// The coordinate system, for instance `CGCS2000`.
    pub crs: String,
    /// Whatever else the file holds, for instance the accuracy in metres.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

/// A licence or filing (许可证、备案凭证).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Licence {
    /// Its kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its number.
    pub no: String,
    /// The day of issue, `YYYY-MM-DD`.
    pub issued: String,
    /// The last day of validity, `YYYY-MM-DD`; none where it does not end.
    pub expires: Option<String>,
    /// Whatever else the file holds.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Fields for Entity {
    /// The entity's own field by its name in the file, or else the attribute of that name.
    fn field(&self, name: &str) -> Option<Value> {
        let texts = |texts: &[String]| Some(texts.iter().cloned().collect());
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let own = match name {
            "id" => Some(self.code.clone().into()),
            "name" => Some(self.name.clone().into()),
            "uscc" => text(&self.uscc),
            "orgId" => Some(self.org_code.clone().into()),
            "townId" => text(&self.town_code),
            "address" => Some(self.address.clone().into()),
            "location" => serde_json::to_value(self.location.as_ref()?).ok(),
            "legalRepresentative" => text(&self.legal_representative),
            "specialty" | "specialties" => texts(&self.specialties),
            "registrationDate" => text(&self.registration_date),
            "registrationStatus" => text(&self.registration_status),
            "licences" => serde_json::to_value(&self.licences).ok(),
            "attributes" => Some(self.attributes.clone().into()),
            _ => JsonFields(&self.rest).field(name),
        };
        own.or_else(|| JsonFields(&self.attributes).field(name))
    }
}
