//! The models of the platforms, each with one account, to be asked what the connectors ask.

use chatledger_connectors::connector::{Connection, Request, Secret, Secrets, SimulatedAccount};
use chatledger_connectors::simulator::Simulator;
use chatledger_projections::ids::ConnectionName;
use chatledger_projections::time::Timestamp;
use serde_json::{Value, json};

/// A model, and what is needed to be let in.
pub struct Model {
    simulator: Box<dyn Simulator>,
    secrets: Secrets,
}

/// The model of an account that `delivery` speaks of.
pub fn model(account: &str) -> Model {
    let (platform, settings, secret): (&str, Value, &[&'static str]) = match account {
        "amocrm" => (
            "amocrm",
            json!({
                "scope_id": "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53",
                "bot_id": "f1910c7f-b1e0-4184-bd09-c7def2a9109a",
            }),
            &["channel_secret"],
        ),
        "pact v1" => {
            ("pact", json!({"company_id": 154, "api": "v1", "provider": "whatsapp"}), &["token", "webhook_secret"])
        }
        "pact v2" => {
            ("pact", json!({"company_id": 154, "api": "v2", "provider": "whatsapp"}), &["token", "webhook_secret"])
        }
        "pact telegram" => (
            "pact",
            json!({"company_id": 154, "api": "v2", "provider": "telegram_personal"}),
            &["token", "webhook_secret"],
        ),
        "carrotquest" => ("carrotquest", json!({}), &["auth_token", "webhook_token"]),
        other => panic!("no model of {other} is asked for"),
    };
    let mut secrets = Secrets::default();
    for key in secret {
        secrets.insert(key, Secret::new("nobodyCanGuessThis1234"));
    }
    let connector = chatledger_connectors::named(platform).expect("there is such a connector");
    let name = ConnectionName::new("account");
    let account = SimulatedAccount { name: &name, settings: &settings, secrets: &secrets };
    let simulator = connector.simulator(&account).unwrap_or_else(|problems| panic!("{problems:?}"));
    Model { simulator, secrets }
}

impl Model {
    /// How it answers.
    pub fn answer(&mut self, connection: &dyn Connection, request: Request, now: Timestamp) -> u16 {
        self.simulator.handle(&connection.authorise(request, &self.secrets, now), now).status
    }

    /// What people see there.
    pub fn seen(&self) -> String {
        format!("{:?}", self.simulator.transcript())
    }
}
