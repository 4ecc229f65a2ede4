//! A document to begin with: the default one, and a block for an account of each connector, switched off.
//!
//! Takes what the connectors say about their settings, gives text. In it, a setting is switched off by a `#` with no
//! space behind it; an explanation has one.

use std::fmt::Write as _;

use chatledger_connectors::connector::{Connector, Setting};
use chatledger_projections::configuration::Role;
use chatledger_projections::ids::ConnectionName;

use super::DEFAULT;

/// What stands in the default document before the routes; accounts go before it.
const ROUTES: &str = "# ---- routes:";

/// The widest line of an explanation.
const WIDTH: usize = 118;

/// The document for all connectors.
pub fn init() -> String {
    init_for(chatledger_connectors::ALL)
}

/// The document for these connectors.
pub fn init_for(connectors: &[&'static dyn Connector]) -> String {
    let (before, after) = DEFAULT.split_once(ROUTES).expect("config.default.toml has this line; a test reads it");
    let blocks: String = connectors.iter().map(|connector| block(*connector)).collect();
    let mut routes = after.to_owned();
    let roles = [("crm.main", Role::Crm), ("channel.main", Role::Channel), ("assistant.main", Role::Assistant)];
    for (placeholder, role) in roles {
        if let Some(connector) = connectors.iter().find(|connector| role_by_example(**connector) == Some(role)) {
            routes = routes.replace(&format!("{placeholder:?}"), &format!("{:?}", name_of(*connector)));
        }
    }
    format!("{before}{blocks}{ROUTES}{routes}")
}

fn name_of(connector: &dyn Connector) -> String {
    format!("{}.main", connector.platform())
}

/// What an account with the documented examples for settings could be in a route; `None` if there is no such account.
fn role_by_example(connector: &dyn Connector) -> Option<Role> {
    let settings: serde_json::Map<_, _> = connector
        .settings()
        .iter()
        .filter_map(|setting| {
            let text = format!("{} = {}", setting.key, setting.example);
            let (key, entry) = super::document::read(&text).ok()?.pop_first()?;
            Some((key, entry.value.to_json()))
        })
        .collect();
    let connection = connector.connect(&ConnectionName::new(name_of(connector)), &settings.into()).ok()?;
    Some(if connection.is_assistant() {
        Role::Assistant
    } else if connection.traits().wants_delivery {
        Role::Crm
    } else {
        Role::Channel
    })
}

fn block(connector: &dyn Connector) -> String {
    let name = name_of(connector);
    let mut block = format!("#[connections.{name:?}]\n#platform = {:?}\n", connector.platform());
    for secret in connector.secrets() {
        let variable: String = format!("{name}_{}", secret.key)
            .chars()
            .map(|sign| if sign.is_ascii_alphanumeric() { sign.to_ascii_uppercase() } else { '_' })
            .collect();
        explain(&mut block, secret);
        add(&mut block, format_args!("#{} = {{ env = {variable:?} }}\n", secret.key));
    }
    for setting in connector.settings() {
        explain(&mut block, setting);
        add(&mut block, format_args!("#{} = {}\n", setting.key, setting.example));
    }
    block.push('\n');
    block
}

fn explain(block: &mut String, setting: &Setting) {
    let mut line = String::from("#");
    let optional = if setting.required { "" } else { "Optional. " };
    for word in optional.split_whitespace().chain(setting.about.split_whitespace()) {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            add(block, format_args!("{line}\n"));
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    add(block, format_args!("{line}\n"));
}

fn add(block: &mut String, text: std::fmt::Arguments<'_>) {
    block.write_fmt(text).expect("a String takes everything");
}
