//! « Quelle est la somme de 47 et 9 »: the seed's question, asked once and by the server. It keeps simple robots
//! away; what protects accounts is that tries get slow.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use store::{Away, Drawer, Shelf};
use web::Edge;

/// How long a question waits for its answer.
const WAITS: Duration = Duration::from_secs(3600);

/// A question: its number, and two terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Question {
    pub(crate) id: String,
    pub(crate) a: u8,
    pub(crate) b: u8,
}

/// Questions that wait for their answer.
pub(crate) struct Sums {
    asked: Drawer<Question>,
}

impl Sums {
    pub(crate) fn new(shelf: &Arc<dyn Shelf>) -> Self {
        Self {
            asked: Drawer::new(Arc::clone(shelf), "account.sum"),
        }
    }

    /// A fresh question: two figures and one.
    pub(crate) async fn ask(&self, edge: &Edge) -> Result<Question, Away> {
        let [first, second] = edge.random::<2>();
        let question = Question {
            id: edge.token(),
            a: 11 + first % 80,
            b: 2 + second % 8,
        };
        self.asked.put(&question.id, &question, WAITS).await?;
        Ok(question)
    }

    /// Whether that is its answer; a question is answered once, rightly or not.
    pub(crate) async fn answer(&self, id: &str, typed: &str) -> Result<bool, Away> {
        if id.len() > 64 {
            return Ok(false);
        }
        let asked = self.asked.take(id).await?;
        let answer = typed.trim().parse::<u16>().ok();
        Ok(asked.is_some_and(|one| answer == Some(u16::from(one.a) + u16::from(one.b))))
    }
}
