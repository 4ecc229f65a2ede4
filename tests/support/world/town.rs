//! A company's accounts and routes, as a configuration document: what a setting says in words, as the engine reads it.
//!
//! Takes a setting, gives a configuration, and which connections a route has. The secrets are invented.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use chatledger::config::{Config, SecretSource};

use crate::script::{Help, Setting};

/// The CRM connection of every world.
pub const CRM: &str = "amo.main";

/// The channel connection of every world.
pub const CHANNEL: &str = "pact.sales";

/// The assistant of the first route, and of those that share it.
pub const ASSISTANT: &str = "selarti.main";

/// Another assistant.
pub const SECOND_ASSISTANT: &str = "selarti.second";

/// The configuration of a setting.
pub fn configuration(setting: Setting) -> Config {
    Config::parse(&document(setting), &Invented).expect("the world's own configuration is right")
}

/// The configuration of a setting, as it would lie in a file.
pub fn document(setting: Setting) -> String {
    let api = if setting.second_generation { "v2" } else { "v1" };
    let manager_first = if setting.claim { "claim" } else { "remember" };
    let town = town(setting);
    let assistant = if setting.town.assisted { format!("assistant = {ASSISTANT:?}") } else { String::new() };
    format!(
        r#"
        [connections."{CRM}"]
        platform = "amocrm"
        scope_id = "344a5002-f8ca-454d-af3d-396180102ac7_2b13cae0-24f7-4058-b9ad-c13ee05e1b53"
        bot_id = "dd6e40cd-bbd2-42f2-a92e-ce7db79ae6bb"
        channel_secret = {{ env = "CHANNEL_SECRET" }}

        [connections."{CHANNEL}"]
        platform = "pact"
        company_id = 52204
        api = "{api}"
        token = {{ env = "TOKEN" }}
        webhook_secret = {{ env = "WEBHOOK_SECRET" }}

        [routes.sales]
        crm = "{CRM}"
        channel = "{CHANNEL}"
        manager_first = "{manager_first}"
        {assistant}
        {town}
        "#
    )
}

/// The further accounts and routes of a setting, and the assistants.
fn town(setting: Setting) -> String {
    let town = setting.town;
    let manager_first = if setting.claim { "claim" } else { "remember" };
    let mut document = String::new();
    let mut add = |text: String| document.push_str(&text);
    let mut assistants = BTreeSet::new();
    assistants.extend(town.assisted.then_some(ASSISTANT));
    for route in 1..town.routes() {
        let house = town.house(route).expect("there are so many");
        let (crm, channel) = (crm_of(setting, route), channel_of(setting, route));
        if !house.shares_crm {
            add(format!(
                "[connections.{crm:?}]\nplatform = \"amocrm\"\nbot_id = \"bot-{route}\"\n\
                 scope_id = \"344a5002-f8ca-454d-af3d-00000000000{route}_2b13cae0-24f7-4058-b9ad-00000000000{route}\"\n\
                 channel_secret = {{ env = \"CHANNEL_SECRET_{route}\" }}\n"
            ));
        }
        add(match house.website {
            true => format!(
                "[connections.{channel:?}]\nplatform = \"carrotquest\"\nauth_token = {{ env = \"AUTH_TOKEN_{route}\" }}\n\
                 webhook_token = {{ env = \"WEBHOOK_TOKEN_{route}\" }}\n"
            ),
            false => format!(
                "[connections.{channel:?}]\nplatform = \"pact\"\ncompany_id = 6000{route}\napi = \"v2\"\n\
                 token = {{ env = \"TOKEN_{route}\" }}\nwebhook_secret = {{ env = \"WEBHOOK_SECRET_{route}\" }}\n"
            ),
        });
        add(format!("[routes.r{route}]\ncrm = {crm:?}\nchannel = {channel:?}\nmanager_first = \"{manager_first}\"\n"));
        if house.shares_crm {
            add(format!("source = \"entrance-{route}\"\nchat_id = \"route_and_phone\"\n"));
        }
        if let Some(assistant) = assistant_of(setting, route) {
            assistants.insert(assistant);
            add(format!("assistant = {assistant:?}\n"));
        }
    }
    for (number, assistant) in assistants.into_iter().enumerate() {
        add(format!(
            "[connections.{assistant:?}]\nplatform = \"selarti\"\ntask_id = \"1721129985149x{number}\"\n\
             api_key = {{ env = \"API_KEY_{number}\" }}\nwebhook_secret = {{ env = \"ASSISTANT_SECRET_{number}\" }}\n"
        ));
    }
    document
}

/// The CRM connection of a route.
pub fn crm_of(setting: Setting, route: u8) -> String {
    match setting.town.house(route) {
        Some(house) if !house.shares_crm => format!("amo.r{route}"),
        Some(_) | None => CRM.to_owned(),
    }
}

/// The channel connection of a route.
pub fn channel_of(setting: Setting, route: u8) -> String {
    match setting.town.house(route) {
        Some(house) if house.website => format!("carrot.r{route}"),
        Some(_) => format!("pact.r{route}"),
        None => CHANNEL.to_owned(),
    }
}

/// The assistant connection of a route, if it has one.
pub fn assistant_of(setting: Setting, route: u8) -> Option<&'static str> {
    match setting.town.house(route) {
        None => setting.town.assisted.then_some(ASSISTANT),
        Some(house) => match house.assistant? {
            Help::TheFirst => setting.town.assisted.then_some(ASSISTANT),
            Help::TheSecond => Some(SECOND_ASSISTANT),
        },
    }
}

/// The secrets of a world: it has none.
struct Invented;

impl SecretSource for Invented {
    fn variable(&self, name: &str) -> Option<String> {
        Some(format!("{}-of-a-world", name.to_lowercase()))
    }

    fn file(&self, _: &Path) -> io::Result<String> {
        Err(io::Error::new(io::ErrorKind::NotFound, "a world's secrets are variables"))
    }
}
