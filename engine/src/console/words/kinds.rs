//! Our own kinds as words: states, reasons, intents, events.
//!
//! Every kind is named in full, so that a new one must be given a word. What comes as a text from the log and is not known
//! here is shown as it is.

use chatledger_projections::assistance::{News, Reason, Return};
use chatledger_projections::bindings::Standing;
use chatledger_projections::configuration::Role;
use chatledger_projections::content::FileKind;
use chatledger_projections::event::Instruction;
use chatledger_projections::fact::{ConnectionHealth, DeliveryState};

use super::Words;
use crate::reading::answer::ThreadState;

/// How good or bad something is, as a class of the sheet of looks.
pub type Tone = &'static str;

impl Words {
    /// Where a message stands.
    pub const fn delivery(&self, state: DeliveryState) -> &'static str {
        match state {
            DeliveryState::Raised => self.raised,
            DeliveryState::Sent => self.sent,
            DeliveryState::Failed => self.failed,
            DeliveryState::Delivered => self.delivered,
            DeliveryState::Read => self.read,
        }
    }

    /// What that means.
    pub const fn delivery_means(&self, state: DeliveryState) -> &'static str {
        match state {
            DeliveryState::Raised => self.raised_means,
            DeliveryState::Sent => self.sent_means,
            DeliveryState::Failed => self.failed_means,
            DeliveryState::Delivered => self.delivered_means,
            DeliveryState::Read => self.read_means,
        }
    }

    /// What a dialogue waits for, and how good that is.
    pub const fn thread_state(&self, state: ThreadState) -> (&'static str, Tone) {
        match state {
            ThreadState::Held => (self.state_held, "bad"),
            ThreadState::Failed => (self.state_failed, "bad"),
            ThreadState::UnderWay => (self.state_under_way, "warn"),
            ThreadState::Unanswered => (self.state_unanswered, "accent"),
            ThreadState::Answered => (self.state_answered, ""),
            ThreadState::Opened => (self.state_opened, ""),
        }
    }

    /// What a connection is in a route.
    pub const fn role_of(&self, role: Role) -> &'static str {
        match role {
            Role::Crm => self.crm,
            Role::Channel => self.channel,
            Role::Assistant => self.assistant,
        }
    }

    /// How firmly a conversation is joined to its dialogue.
    pub const fn standing(&self, standing: Standing) -> &'static str {
        match standing {
            Standing::Foreign => self.bound_foreign,
            Standing::Claiming => self.bound_claiming,
            Standing::Opening => self.bound_opening,
            Standing::Provisional => self.bound_provisional,
            Standing::Confirmed => self.bound_confirmed,
        }
    }

    /// How a connection is by its platform's word, and how good that is.
    pub const fn health(&self, health: ConnectionHealth) -> (&'static str, Tone) {
        match health {
            ConnectionHealth::Up => (self.works, "good"),
            ConnectionHealth::Down => (self.down, "bad"),
            ConnectionHealth::Recovering => (self.recovering, "warn"),
        }
    }

    /// Why an assistant is silent.
    pub const fn silence(&self, reason: Reason) -> &'static str {
        match reason {
            Reason::HandedOver => self.because_handed_over,
            Reason::ManagerWrote => self.because_manager_wrote,
            Reason::SwitchedOff => self.because_switched_off,
        }
    }

    /// Why it speaks again.
    pub const fn comes_back(&self, because: Return) -> &'static str {
        match because {
            Return::HandedBack => self.because_handed_back,
            Return::ManagersSilent => self.because_managers_silent,
            Return::SwitchedOn => self.because_switched_on,
        }
    }

    /// What an assistant tells of a dialogue.
    pub const fn news(&self, news: News) -> &'static str {
        match news {
            News::HandedOver => self.news_handed_over,
            News::Closed => self.news_closed,
            News::Succeeded => self.news_succeeded,
            News::Interested => self.news_interested,
            News::ContactGiven => self.news_contact_given,
            News::ClientIsMachine => self.news_machine,
            News::Links => self.news_links,
        }
    }

    /// What people call a file.
    pub const fn file(&self, kind: FileKind) -> &'static str {
        match kind {
            FileKind::Picture => self.picture,
            FileKind::Video => self.video,
            FileKind::Audio => self.audio,
            FileKind::Voice => self.voice,
            FileKind::Sticker => self.sticker,
            FileKind::Document => self.document,
        }
    }

    /// What an operator said, as what was done by it.
    pub fn instruction(&self, instruction: &Instruction) -> &'static str {
        let english = self.code == "en";
        match instruction {
            Instruction::SwitchAssistantOn { .. } if english => "switched the assistant on",
            Instruction::SwitchAssistantOn { .. } => "включил ассистента",
            Instruction::SwitchAssistantOff { .. } if english => "switched the assistant off",
            Instruction::SwitchAssistantOff { .. } => "выключил ассистента",
            Instruction::RetryHeld { to: None, .. } if english => "had it tried again",
            Instruction::RetryHeld { to: None, .. } => "велел повторить",
            Instruction::RetryHeld { to: Some(_), .. } if english => "sent it to another receiver",
            Instruction::RetryHeld { to: Some(_), .. } => "отправил другому получателю",
            Instruction::RaiseMissed { .. } if english => "had done what was missed",
            Instruction::RaiseMissed { .. } => "велел сделать упущенное",
            Instruction::SkipHeld { .. } if english => "left it as it is",
            Instruction::SkipHeld { .. } => "оставил как есть",
        }
    }

    /// An intent by its word.
    pub fn intent<'a>(&self, label: &'a str) -> &'a str {
        let (english, russian) = match label {
            "send_message" => ("Message", "Сообщение"),
            "open_conversation" => ("Open a conversation", "Открыть разговор"),
            "find_client" => ("Find the client", "Найти клиента"),
            "claim_conversation" => ("Claim the chat", "Дать чату наш номер"),
            "report_delivery" => ("Report on delivery", "Сообщить о доставке"),
            "look_up_conversation" => ("Look a conversation up", "Узнать, чей разговор"),
            "set_reaction" => ("Reaction", "Реакция"),
            "edit_message" => ("Edit", "Изменение"),
            "delete_message" => ("Deletion", "Удаление"),
            "show_typing" => ("Typing", "Набор текста"),
            other => return other,
        };
        if self.code == "ru" { russian } else { english }
    }

    /// An event by its type.
    pub fn event_type<'a>(&self, label: &'a str) -> &'a str {
        match label {
            "WebhookReceived" => self.event_webhook,
            "IntentRaised" => self.event_raised,
            "AttemptStarted" => self.event_started,
            "AttemptSettled" => self.event_settled,
            "ConfigurationApplied" => self.event_configured,
            "OperatorInstructed" => self.event_instructed,
            "PolicyAdvanced" => self.event_advanced,
            "PollAdvanced" => self.event_polled,
            other => other,
        }
    }

    /// How an attempt ended, by its word, and how good that is.
    pub fn outcome<'a>(&self, label: &'a str) -> (&'a str, Tone) {
        match label {
            "accepted" => (self.outcome_accepted, "good"),
            "refused" => (self.outcome_refused, "bad"),
            "postponed" => (self.outcome_postponed, "warn"),
            "uncertain" => (self.outcome_uncertain, "warn"),
            other => (other, ""),
        }
    }

    /// What an attempt does, by its word.
    pub fn attempt_kind<'a>(&self, label: &'a str) -> &'a str {
        match label {
            "act" => self.act,
            "probe" => self.probe,
            "prepare" => self.prepare,
            other => other,
        }
    }

    /// A rule by its name.
    pub fn rule(&self, name: &str) -> String {
        let russian = match name {
            "app_message_to_crm" => "сообщение из приложения — в CRM",
            "assistant_failure_noted_in_crm" => "неудача ассистента — заметкой в CRM",
            "assistant_message_to_channel" => "ответ ассистента — клиенту",
            "assistant_message_to_crm" => "ответ ассистента — в CRM",
            "assistant_news_noted_in_crm" => "новости ассистента — заметкой в CRM",
            "channel_opened_for_manager" => "разговор открыт для менеджера",
            "chat_claimed_for_us" => "чату дан наш номер",
            "client_found_for_manager" => "клиент найден для менеджера",
            "client_message_to_assistant" => "слова клиента — ассистенту",
            "client_message_to_crm" => "слова клиента — в CRM",
            "deletion_carried_across" => "удаление перенесено",
            "delivery_reported_to_crm" => "о доставке сообщено в CRM",
            "edit_carried_across" => "изменение перенесено",
            "held_intent_retried" => "задержанное повторено",
            "manager_message_to_channel" => "слова менеджера — клиенту",
            "missed_intent_raised" => "упущенное сделано",
            "reaction_carried_across" => "реакция перенесена",
            "refused_alteration_told" => "об отказе сказано",
            "typing_shown_across" => "набор текста показан",
            "unknown_conversation_looked_up" => "узнать, чей это разговор",
            _ => "",
        };
        if self.code == "ru" && !russian.is_empty() { russian.to_owned() } else { name.replace('_', " ") }
    }
}
