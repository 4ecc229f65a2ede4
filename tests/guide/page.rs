//! What a page wants done: its fenced blocks, in order. Text in, deeds out, or what is wrong with a block.

/// A page, as far as something is to be done.
#[derive(Debug, Default)]
pub struct Page {
    /// What is done, in order.
    pub deeds: Vec<Deed>,
    /// Commands for another machine.
    pub elsewhere: Vec<String>,
}

/// One thing to be done.
#[derive(Debug)]
pub enum Deed {
    /// Write a file.
    Write { name: String, text: String },
    /// Run a command.
    Run(Run),
}

/// A command and what it prints.
#[derive(Debug)]
pub struct Run {
    /// On which line of the page it stands.
    pub line: usize,
    /// What is typed; it may have several lines.
    pub command: String,
    /// What is printed.
    pub expected: String,
}

impl Page {
    /// Reads a page.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut page = Self::default();
        let mut lines = (1..).zip(text.lines());
        while let Some((number, line)) = lines.next() {
            // A block in a list is indented; its lines are, too.
            let indent = line.len() - line.trim_start().len();
            let Some(info) = line.trim_start().strip_prefix("```") else { continue };
            let mut block = Vec::new();
            loop {
                let Some((number, line)) = lines.next() else {
                    return Err(format!("line {number}: a block has no end"));
                };
                let line = line.get(indent..).unwrap_or_default();
                if line.starts_with("```") {
                    break;
                }
                block.push((number, line));
            }
            let file = info.split_whitespace().find_map(|word| word.strip_prefix("file="));
            match (info.split_whitespace().next().unwrap_or_default(), file) {
                (_, Some(name)) => {
                    let text = block.iter().map(|(_, line)| format!("{line}\n")).collect();
                    page.deeds.push(Deed::Write { name: name.to_owned(), text });
                }
                ("console", None) => page.run(&block)?,
                ("sh", None) => page.elsewhere.extend(commands(&block)),
                // What is shown and not done.
                ("toml" | "yaml" | "json" | "text" | "nginx" | "ini" | "rust" | "http", None) => {}
                (other, None) => {
                    return Err(format!("line {number}: nobody knows what to do with a block of {other:?}"));
                }
            }
        }
        Ok(page)
    }

    fn run(&mut self, block: &[(usize, &str)]) -> Result<(), String> {
        let mut runs: Vec<Run> = Vec::new();
        for (number, line) in block {
            if let Some(command) = line.strip_prefix("$ ") {
                let (command, expected) = (command.to_owned(), String::new());
                runs.push(Run { line: *number, command, expected });
                continue;
            }
            let Some(run) = runs.last_mut() else {
                return Err(format!("line {number}: a block of console begins with `$ `"));
            };
            match line.strip_prefix("> ") {
                Some(more) if run.expected.is_empty() => run.command.push_str(&format!("\n{more}")),
                Some(_) | None => run.expected.push_str(&format!("{line}\n")),
            }
        }
        self.deeds.extend(runs.into_iter().map(Deed::Run));
        Ok(())
    }
}

/// The commands of a block for another machine: without comments, and each with the lines that it goes on for.
fn commands(block: &[(usize, &str)]) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let mut goes_on = false;
    for (_, line) in block.iter().filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#')) {
        match commands.last_mut() {
            Some(command) if goes_on || line.starts_with(' ') => command.push_str(&format!("\n{line}")),
            Some(_) | None => commands.push((*line).to_owned()),
        }
        goes_on = line.ends_with('\\');
    }
    commands
}

/// The page with what a command printed behind it.
pub fn with_output(page: &str, command: &str, output: &str) -> String {
    let typed = format!("$ {}", command.replace('\n', "\n> "));
    let Some(begin) = page.find(&format!("{typed}\n")).map(|begin| begin + typed.len() + 1) else {
        return page.to_owned();
    };
    let rest = &page[begin..];
    let until = rest.find("$ ").into_iter().chain(rest.find("```")).min().unwrap_or(rest.len());
    let output = if output.is_empty() || output.ends_with('\n') { output.to_owned() } else { format!("{output}\n") };
    format!("{}{output}{}", &page[..begin], &rest[until..])
}

#[test]
fn a_page_says_what_is_done_in_which_order() {
    let text = "Words.\n\n```toml file=a.toml\nlog = 1\n```\n\n1. A list\n   ```console\n   $ one \\\n   > two\n   said\n   $ three\n   ```\n\n```sh\n# not here\ndocker compose \\\n  up\n```\n";
    let page = Page::parse(text).unwrap();
    let Deed::Write { name, text } = &page.deeds[0] else { panic!("the file comes first") };
    assert_eq!((name.as_str(), text.as_str()), ("a.toml", "log = 1\n"));
    let Deed::Run(run) = &page.deeds[1] else { panic!("then a command") };
    assert_eq!((run.line, run.command.as_str(), run.expected.as_str()), (9, "one \\\ntwo", "said\n"));
    assert_eq!((page.deeds.len(), page.elsewhere), (3, vec!["docker compose \\\n  up".to_owned()]));
    assert!(Page::parse("```console\nnothing typed\n```\n").is_err());
    assert!(Page::parse("```console\n$ no end\n").is_err());
}
