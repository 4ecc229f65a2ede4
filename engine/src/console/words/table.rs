//! The table of texts: a line has the text's name, then English, then Russian.

use super::Months;

macro_rules! words {
    ($($name:ident: $kind:ty = $english:expr, $russian:expr;)*) => {
        /// All texts of one language.
        #[derive(Clone, PartialEq, Eq, Debug)]
        pub struct Words {
            $(pub $name: $kind,)*
        }

        /// English.
        pub const ENGLISH: Words = Words { $($name: $english,)* };

        /// Russian.
        pub const RUSSIAN: Words = Words { $($name: $russian,)* };
    };
}

type Text = &'static str;

words! {
    code: Text = "en", "ru";
    months: Months =
        ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
        ["января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"];
    short_months: Months =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
        ["янв", "фев", "мар", "апр", "мая", "июн", "июл", "авг", "сен", "окт", "ноя", "дек"];
    today: Text = "Today", "Сегодня";
    yesterday: Text = "Yesterday", "Вчера";

    // ---- the frame ----
    skip: Text = "Skip to the content", "Перейти к содержанию";
    pages: Text = "Pages", "Страницы";
    overview: Text = "Overview", "Обзор";
    dialogues: Text = "Dialogues", "Диалоги";
    held: Text = "Held", "Задержано";
    time: Text = "Time", "Время";
    log: Text = "Log", "Журнал";
    connections: Text = "Connections", "Подключения";
    waiting_for_you: Text = "waiting for a decision", "ждут решения";
    language: Text = "Language", "Язык";
    look: Text = "Colours", "Оформление";
    theme_auto: Text = "Auto", "Авто";
    theme_light: Text = "Light", "Светлое";
    theme_dark: Text = "Dark", "Тёмное";
    help: Text = "Help and keys", "Справка и клавиши";
    sign_in: Text = "Sign in", "Войти";
    sign_out: Text = "Sign out", "Выйти";
    operator: Text = "operator", "оператор";
    reader: Text = "reader", "читатель";
    moment: Text = "The moment that is shown", "Показанный момент";
    as_of: Text = "As of", "На момент";
    back_to_now: Text = "Back to now", "К настоящему";
    live: Text = "Live", "Сейчас";
    show: Text = "Show", "Показать";
    close: Text = "Close", "Закрыть";
    more: Text = "More", "Ещё";
    any: Text = "any", "любое";
    when: Text = "When", "Когда";
    position: Text = "Event of the log", "Событие журнала";
    one_earlier: Text = "One event earlier", "На событие раньше";
    one_later: Text = "One event later", "На событие позже";
    lost: Text = "The engine does not answer; this page tries again by itself.", "Движок не отвечает; страница пробует снова сама.";
    to_overview: Text = "To the overview", "К обзору";
    before_the_log: Text = "before the first event", "до первого события";
    behind: Text = "This page is still catching up with the log: events left", "Страница ещё догоняет журнал: осталось событий";

    // ---- keys ----
    keys_title: Text = "Keys", "Клавиши";
    key_move: Text = "next and previous in a list", "следующее и предыдущее в списке";
    key_open: Text = "open what is chosen", "открыть выбранное";
    key_search: Text = "search", "поиск";
    key_choose: Text = "mark or unmark what is chosen, on the page of what is held", "отметить или снять отметку в списке задержанного";
    key_step: Text = "one event back and forth in time", "на событие назад и вперёд во времени";
    key_go: Text = "go to a page: overview, dialogues, held, time, log, connections", "перейти к странице: обзор, диалоги, задержанное, время, журнал, подключения";
    key_close: Text = "close what is open, leave a field", "закрыть открытое, выйти из поля";
    key_help: Text = "this list", "этот список";
    signs_title: Text = "Signs beside a message", "Знаки рядом с сообщением";
    about_positions: Text = "Every time leads to the event of the log that says it. The slider above every page shows it as it was after any event; as it was, nothing can be changed.", "Каждое время ведёт к событию журнала, из которого оно известно. Ползунок над страницей показывает её такой, какой она была после любого события; в прошлом ничего изменить нельзя.";

    // ---- signing in ----
    sign_in_words: Text = "This is the engine's console. Sign in with your token.", "Это консоль движка. Войдите по своему токену.";
    token: Text = "Token", "Токен";
    token_from: Text = "By whoever runs the engine.", "Даёт тот, кто ведёт движок.";
    token_wrong: Text = "Nobody has this token. `chatledger token new NAME --role operator` makes one; its digest goes into the configuration.", "Такого токена ни у кого нет. Новый делает `chatledger token new ИМЯ --role operator`; его отпечаток пишут в конфигурацию.";
    signed_out: Text = "You are signed out.", "Вы вышли.";

    // ---- what goes wrong ----
    not_found: Text = "There is nothing here", "Здесь ничего нет";
    not_found_words: Text = "There is no such page, dialogue, message or event, or there was not yet at the moment that is shown.", "Такой страницы, диалога, сообщения или события нет, или ещё не было в показанный момент.";
    refused: Text = "That is not for you to do", "Это вам не разрешено";
    refused_words: Text = "Your token is a reader's: it shows everything and changes nothing. An operator's token may decide.", "Ваш токен — читателя: он показывает всё и ничего не меняет. Решать может оператор.";
    foreign: Text = "This did not come from the console", "Это пришло не из консоли";
    foreign_words: Text = "The request came from a page of somebody else's, and nothing was done. Open the page here and try again.", "Запрос пришёл с чужой страницы, ничего не сделано. Откройте страницу здесь и повторите.";
    misread: Text = "This cannot be read", "Это нельзя прочитать";
    misread_words: Text = "The address or the form says something that the console does not understand. Go back and choose again.", "Адрес или форма содержат то, чего консоль не понимает. Вернитесь и выберите ещё раз.";
    unavailable: Text = "Not now", "Не сейчас";
    unavailable_words: Text = "What is asked for cannot be read at the moment; webhooks are taken all the same. The engine's own log says why.", "Сейчас прочитать это нельзя; вебхуки при этом принимаются. Почему — сказано в журнале работы движка.";
    off: Text = "The console is switched off", "Консоль выключена";
    off_words: Text = "The read side is switched off: set enabled = true in the section [reading], and start the engine again.", "Чтение выключено: задайте enabled = true в разделе [reading] и запустите движок снова.";

    // ---- overview ----
    dialogues_in_all: Text = "dialogues", "диалогов";
    unanswered_now: Text = "the client wrote last", "клиент ждёт ответа";
    under_way_now: Text = "under way", "в пути";
    held_now: Text = "held for a person", "ждут решения человека";
    failed_now: Text = "did not arrive", "не дошли";
    heard_in_hour: Text = "heard in the hour", "принято за час";
    middle_latency: Text = "half arrive within", "половина доходит за";
    traffic: Text = "Traffic in the hour", "Обмен за час";
    traffic_words: Text = "Webhooks that came in and calls that were accepted, minute by minute", "Принятые вебхуки и принятые платформами вызовы по минутам";
    received: Text = "webhooks in", "принято вебхуков";
    accepted: Text = "calls accepted", "принято вызовов";
    no_traffic: Text = "Nothing was said in this hour.", "За этот час ничего не было.";
    latency: Text = "From webhook to the other side", "От вебхука до другой стороны";
    latency_words: Text = "How long messages took, minute by minute", "Сколько шли сообщения, по минутам";
    median: Text = "half of them", "половина";
    slowest: Text = "nineteen of twenty", "девятнадцать из двадцати";
    no_latency: Text = "No message crossed in this hour.", "За этот час ни одно сообщение не перешло.";
    stuck: Text = "What is stuck", "Что застряло";
    nothing_stuck: Text = "Nothing is stuck: all that was to be done is done.", "Ничего не застряло: всё, что нужно, сделано.";
    all_of_them: Text = "Everything about them", "Всё о них";
    connection: Text = "Connection", "Подключение";
    state: Text = "State", "Состояние";
    in_line: Text = "In line", "В очереди";
    last_heard: Text = "Last heard", "Последний вебхук";
    never: Text = "never", "никогда";
    oddities: Text = "odd or wrong since the beginning", "странного с самого начала";

    // ---- dialogues ----
    dialogue: Text = "Dialogue", "Диалог";
    search: Text = "Search", "Искать";
    search_dialogues: Text = "Name, phone or id", "Имя, телефон или номер";
    filter: Text = "Filter", "Отбор";
    all_states: Text = "All", "Все";
    state_held: Text = "Held", "Задержано";
    state_failed: Text = "Failed", "Не дошло";
    state_under_way: Text = "Under way", "В пути";
    state_unanswered: Text = "Unanswered", "Без ответа";
    state_answered: Text = "Answered", "Отвечено";
    state_opened: Text = "Opened", "Открыто";
    nobody_yet: Text = "No dialogues yet", "Диалогов пока нет";
    nobody_yet_words: Text = "A dialogue appears when a client writes, or a manager writes first. Give the platforms their webhook addresses, then write to yourself.", "Диалог появится, когда напишет клиент или первым напишет менеджер. Дайте платформам адреса вебхуков и напишите сами себе.";
    nobody_found: Text = "Nothing found", "Ничего не найдено";
    nobody_found_words: Text = "A number is found in any form, a name by its beginning, a conversation by any platform's id. Try fewer signs, or another filter.", "Номер находится в любом виде, имя — по началу, разговор — по номеру любой платформы. Попробуйте короче или смените отбор.";
    choose_dialogue: Text = "Choose a dialogue", "Выберите диалог";
    choose_dialogue_words: Text = "Both sides of it are shown as people see them; every message says where it is and why.", "Он показан с обеих сторон, как его видят люди; каждое сообщение скажет, где оно и почему.";
    nameless: Text = "Nameless client", "Клиент без имени";
    client: Text = "Client", "Клиент";
    manager: Text = "Manager", "Менеджер";
    crm: Text = "CRM", "CRM";
    channel: Text = "Messenger", "Мессенджер";
    assistant: Text = "Assistant", "Ассистент";
    in_the_log: Text = "In the log", "В журнале";
    messages: Text = "Messages", "Сообщения";
    no_messages: Text = "Nothing was said in this dialogue yet.", "В этом диалоге ещё ничего не сказано.";
    earlier_messages: Text = "Earlier messages", "Более ранние сообщения";
    later_messages: Text = "Later messages", "Более поздние сообщения";
    new_below: Text = "New messages", "Новые сообщения";
    why: Text = "why?", "почему?";
    edited: Text = "edited; it said before", "изменено; раньше было";
    removed: Text = "removed", "удалено";
    reactions: Text = "Reactions", "Реакции";
    long_text: Text = "A long text", "Длинный текст";
    without_text: Text = "without text", "без текста";
    assistant_speaks: Text = "assistant answers", "ассистент отвечает";
    assistant_silent: Text = "assistant is silent", "ассистент молчит";

    // ---- what a message has beside its text ----
    picture: Text = "Picture", "Изображение";
    video: Text = "Video", "Видео";
    audio: Text = "Audio", "Аудио";
    voice: Text = "Voice message", "Голосовое сообщение";
    sticker: Text = "Sticker", "Стикер";
    document: Text = "Document", "Документ";
    place: Text = "A place on the map", "Место на карте";
    card: Text = "A contact", "Контакт";
    template: Text = "Template", "Шаблон";
    forwarded: Text = "Forwarded", "Переслано";
    unsupported: Text = "Cannot be shown here", "Здесь не показать";
    choices: Text = "Choices", "Варианты";

    // ---- where a message stands ----
    raised: Text = "on its way", "в пути";
    sent: Text = "sent", "отправлено";
    failed: Text = "did not arrive", "не дошло";
    delivered: Text = "delivered", "доставлено";
    read: Text = "read", "прочитано";
    raised_means: Text = "we mean to send it, and it waits for its turn", "мы намерены отправить, оно ждёт очереди";
    sent_means: Text = "the other platform took it", "другая платформа его приняла";
    delivered_means: Text = "it arrived at the receiver", "дошло до получателя";
    read_means: Text = "the receiver saw it", "получатель его увидел";
    failed_means: Text = "it will not arrive; the reason stands below", "не дойдёт; причина написана ниже";

    // ---- what happened in a dialogue beside messages ----
    note_claimed: Text = "The chat got an id of ours", "Чату дан наш номер";
    note_said: Text = "Note to managers", "Заметка менеджерам";
    note_withheld: Text = "The assistant wrote while it was to be silent; nobody was shown it", "Ассистент написал, когда должен был молчать; этого никто не увидел";
    note_silent: Text = "The assistant is silent from here on", "С этого места ассистент молчит";
    note_speaks: Text = "The assistant may speak again", "Ассистент снова может отвечать";
    note_told: Text = "The assistant tells", "Ассистент сообщает";
    note_held: Text = "Held until a person decides", "Задержано до решения человека";
    because_handed_over: Text = "it handed over", "передал разговор";
    because_manager_wrote: Text = "a manager wrote", "написал менеджер";
    because_switched_off: Text = "switched off here", "выключен здесь";
    because_handed_back: Text = "it was handed back", "разговор вернули";
    because_managers_silent: Text = "managers have been silent long enough", "менеджеры долго молчат";
    because_switched_on: Text = "switched on here", "включён здесь";
    news_handed_over: Text = "an operator is to take over", "должен подключиться оператор";
    news_closed: Text = "the dialogue is at its end", "разговор закончен";
    news_succeeded: Text = "the aim is reached", "цель достигнута";
    news_interested: Text = "the client is interested", "клиент заинтересован";
    news_contact_given: Text = "the client gave a contact", "клиент оставил контакт";
    news_machine: Text = "the client seems to be a machine", "клиент похож на машину";
    news_links: Text = "the dialogue can be looked at there", "разговор можно посмотреть там";
    bound_foreign: Text = "known there", "известен там";
    bound_claiming: Text = "is being given our id", "получает наш номер";
    bound_opening: Text = "is being opened", "открывается";
    bound_provisional: Text = "joined, not confirmed yet", "связан, ещё не подтверждено";
    bound_confirmed: Text = "joined", "связан";

    // ---- explanation ----
    explanation: Text = "Where it is, and why", "Где оно и почему";
    on_its_own_page: Text = "The whole of it, with requests and answers", "Полностью, с запросами и ответами";
    no_explanation: Text = "Nothing followed from it.", "Из него ничего не последовало.";
    written_there: Text = "Written at", "Написано в";
    stands: Text = "Stands", "Состояние";
    shown_there: Text = "Shown at", "Показано в";
    says: Text = "Says", "Текст";
    in_dialogue: Text = "Dialogue", "Диалог";
    heard: Text = "Heard of it", "Узнали";
    came_to_stand: Text = "stands", "состояние";
    meant: Text = "Intent", "Намерение";
    by_rule: Text = "Rule", "Правило";
    attempt: Text = "Attempt", "Попытка";
    act: Text = "the act itself", "само действие";
    probe: Text = "asking whether it was done", "вопрос, было ли сделано";
    prepare: Text = "making a file ready", "подготовка файла";
    outcome_accepted: Text = "accepted", "принято";
    outcome_refused: Text = "refused", "отказано";
    outcome_postponed: Text = "postponed", "отложено";
    outcome_uncertain: Text = "not known", "неизвестно";
    under_way: Text = "under way", "в пути";
    not_done: Text = "not done yet", "ещё не сделано";
    the_webhook: Text = "Webhook", "Вебхук";
    the_instruction: Text = "An operator's word", "Слово оператора";
    missing_cause: Text = "A cause that is not in the log", "Причина, которой нет в журнале";
    read_from_it: Text = "What was read from it", "Что из него прочитано";
    request: Text = "The request (derived)", "Запрос (выведен)";
    reply: Text = "The answer", "Ответ";
    would_send: Text = "What it will send (derived)", "Что отправит (выведено)";
    waits: Text = "Waits", "Ждёт";

    // ---- held ----
    held_words: Text = "What a platform refused, or what was given up, is never dropped: it waits here until somebody decides, and says why.", "То, в чём платформа отказала, или от чего пришлось отступиться, не пропадает: оно ждёт здесь, пока кто-то не решит и не скажет почему.";
    nothing_held: Text = "Nothing is held", "Ничего не задержано";
    nothing_held_words: Text = "When a platform refuses a message for good, it appears here with the reason, and can be tried again, sent to another receiver, or left as it is.", "Когда платформа откажет в сообщении окончательно, оно появится здесь с причиной: его можно повторить, отправить другому получателю или оставить как есть.";
    choose_all: Text = "Choose all on this page", "Выбрать все на странице";
    chosen: Text = "Chosen", "Выбрано";
    decide: Text = "Decide about what is chosen", "Решить о выбранном";
    reason: Text = "Why", "Почему";
    reason_example: Text = "for whoever reads the log later", "для того, кто потом прочтёт журнал";
    wish: Text = "What to do", "Что сделать";
    retry: Text = "Try again", "Повторить";
    elsewhere: Text = "To another receiver", "Другому получателю";
    skip_it: Text = "Leave as it is", "Оставить как есть";
    do_it: Text = "Do it", "Выполнить";
    other_phone: Text = "Other number, with its country code", "Другой номер, с кодом страны";
    other_conversation: Text = "or a conversation by the platform's id", "или разговор по номеру платформы";
    may_double: Text = "Also where an earlier attempt may have done it, so that it may be there twice", "И там, где прежняя попытка могла удаться: тогда оно может появиться дважды";
    in_doubt: Text = "may have been done", "могло быть сделано";
    in_doubt_words: Text = "An earlier attempt may have done it all the same; look at the platform before you try again.", "Прежняя попытка могла всё же удаться; посмотрите на платформе, прежде чем повторять.";
    past_is_past: Text = "This is how it was. Go back to now to decide.", "Так было. Вернитесь к настоящему, чтобы решать.";
    readers_only_look: Text = "You look with a reader's token; an operator may decide here.", "Вы смотрите с токеном читателя; решать здесь может оператор.";
    none_chosen: Text = "Nothing was chosen; mark what you decide about.", "Ничего не выбрано; отметьте, о чём решаете.";
    no_reason: Text = "Say why: it stands in the log for whoever reads it later.", "Скажите почему: это останется в журнале для того, кто его прочтёт.";
    no_receiver: Text = "Name the other receiver: a number with its country code, or a conversation.", "Назовите другого получателя: номер с кодом страны или разговор.";
    decided: Text = "Put on record", "Записано";
    not_decided: Text = "Left alone", "Не тронуто";
    left_gone: Text = "no longer held", "уже не задержано";
    left_doubt: Text = "may have been done; allow for it being there twice", "могло быть сделано; разрешите повтор";
    left_elsewhere: Text = "cannot go to another receiver", "не может уйти другому получателю";
    left_log: Text = "the log did not take it; try again", "журнал не принял; повторите";

    // ---- time ----
    time_words: Text = "Everything here can be seen as it was after any event of the log: move the slider, or give a moment.", "Всё здесь можно увидеть таким, каким оно было после любого события журнала: двигайте ползунок или задайте момент.";
    activity: Text = "The hour before", "Час перед этим";
    go_to: Text = "Go to a moment, in your time, or to an event's number", "Перейти к моменту по вашему времени или к номеру события";
    as_it_was: Text = "As it was", "Как было";
    last_events: Text = "The last events by then", "Последние события к этому моменту";
    event: Text = "Event", "Событие";
    no_moment: Text = "This is no moment: write 2026-03-02 14:00, or an event's number.", "Это не момент: напишите 2026-03-02 14:00 или номер события.";

    // ---- log ----
    log_words: Text = "All that was said to the engine and all that it did, in the order in which it was recorded. Everything else here follows from it.", "Всё, что движку сказали, и всё, что он сделал, в порядке записи. Остальное здесь выводится из этого.";
    dialogue_or_event: Text = "A dialogue's id, an event's id or number", "Номер диалога, номер или позиция события";
    content: Text = "What it is about", "О чём";
    newer: Text = "Newer", "Новее";
    older: Text = "Older", "Старее";
    no_events: Text = "No events", "Событий нет";
    no_events_words: Text = "No event fits. Take a filter away, or another moment.", "Ни одно событие не подходит. Снимите отбор или возьмите другой момент.";
    event_webhook: Text = "Webhook", "Вебхук";
    event_raised: Text = "Intent raised", "Намерение";
    event_started: Text = "Attempt started", "Попытка начата";
    event_settled: Text = "Attempt ended", "Попытка окончена";
    event_configured: Text = "Configuration", "Конфигурация";
    event_instructed: Text = "Operator's word", "Слово оператора";
    event_advanced: Text = "Decided through", "Решено до";
    event_polled: Text = "Asked through", "Опрошено до";
    event_arranged: Text = "Engines' duties", "Обязанности движков";
    facts: Text = "What was read from it", "Что из него прочитано";
    remarks: Text = "What was odd in it", "Что в нём странно";
    substance: Text = "As it is recorded", "Как записано";
    stream: Text = "Stream", "Поток";
    recorded_at: Text = "Recorded", "Записано";
    touched: Text = "Dialogues", "Диалоги";
    event_id: Text = "Id", "Идентификатор";
    page_then: Text = "Everything as it was then", "Всё как было тогда";

    // ---- connections ----
    connections_words: Text = "The accounts at the platforms: how each is by its own word, what waits for it, how its quotas are used.", "Учётные записи на платформах: каково каждой по её слову, что её ждёт, как расходуются квоты.";
    no_connections: Text = "No connections", "Подключений нет";
    no_connections_words: Text = "The configuration names none. Write a section [connections.NAME] and start the engine again.", "В конфигурации их нет. Напишите раздел [connections.ИМЯ] и запустите движок снова.";
    platform: Text = "Platform", "Платформа";
    role: Text = "Role", "Роль";
    webhooks: Text = "Webhooks", "Вебхуков";
    unsettled: Text = "put off or not known", "отложено или неизвестно";
    waiting_there: Text = "Not done yet", "Ещё не сделано";
    in_flight: Text = "In flight", "В полёте";
    quota: Text = "Quota", "Квота";
    own_word: Text = "Its own word", "Её слово";
    routes: Text = "Routes", "Маршруты";
    route: Text = "Route", "Маршрут";
    works: Text = "works", "работает";
    down: Text = "does not work", "не работает";
    recovering: Text = "recovering", "восстанавливается";
    silent: Text = "does not answer", "не отвечает";
    left_alone: Text = "left alone for a while", "временно не трогаем";
    not_known: Text = "nothing known yet", "пока неизвестно";
    spool: Text = "Spool", "Буфер";
    spool_waiting: Text = "webhooks wait", "вебхуков ждут";
    spool_takes: Text = "Takes", "Занимает";
    spool_room: Text = "Room", "Место";
    yes: Text = "yes", "есть";
    no: Text = "no", "нет";
}
