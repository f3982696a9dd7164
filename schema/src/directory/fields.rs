//! What rules see of an entity that is held as JSON, for instance in the snapshot that an inspection pins.

use crate::rule::Fields;
use serde_json::{Map, Value};

/// An entity's fields as a JSON object: its own first, then its `attributes`. `specialty` reads `specialties`; null
/// counts as not said.
#[derive(Debug, Clone, Copy)]
pub struct JsonFields<'a>(pub &'a Map<String, Value>);

impl Fields for JsonFields<'_> {
    fn field(&self, name: &str) -> Option<Value> {
        let own = |name: &str| self.0.get(name).filter(|value| !value.is_null());
        let specialties = || if name == "specialty" { own("specialties") } else { None };
        let attribute = || own("attributes").and_then(|attributes| attributes.get(name));
        let found = own(name).or_else(specialties).or_else(attribute);
        found.filter(|value| !value.is_null()).cloned()
    }
}
