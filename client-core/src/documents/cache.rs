//! The documents that were used last.

use fieldproof_schema::document::Document;
use fieldproof_schema::ids::InspectionId;
use std::collections::HashMap;
use std::sync::Arc;

/// At most so many documents; the one used longest ago goes first.
pub(crate) struct Cache {
    capacity: usize,
    clock: u64,
    held: HashMap<InspectionId, (u64, Arc<Document>)>,
}

impl Cache {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), clock: 0, held: HashMap::new() }
    }

    pub(crate) fn get(&mut self, inspection: InspectionId) -> Option<Arc<Document>> {
        self.clock += 1;
        let (used, document) = self.held.get_mut(&inspection)?;
        *used = self.clock;
        Some(document.clone())
    }

    pub(crate) fn put(&mut self, inspection: InspectionId, document: Arc<Document>) {
        self.clock += 1;
        self.held.insert(inspection, (self.clock, document));
        if self.held.len() > self.capacity {
            let oldest = self.held.iter().min_by_key(|(_, (used, _))| *used).map(|(id, _)| *id);
            self.held.remove(&oldest.expect("the cache is not empty: something was just put in"));
        }
    }

    pub(crate) fn remove(&mut self, inspection: InspectionId) {
        self.held.remove(&inspection);
    }

    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }
}
