//! How the bodies of requests to Pact are written: forms, JSON, and files in parts.
//!
//! The first generation wants forms (2.2) with lists as `name[]=a&name[]=b`, never with numbers between the brackets: those
//! it takes for an object (15.10). The second wants JSON. A file goes in parts in both.

use sha1::{Digest, Sha1};

use crate::connector::Request;

/// A form, in the order in which it was filled in.
#[derive(Clone, Default, Debug)]
pub(in crate::pact) struct Form(Vec<(String, String)>);

impl Form {
    /// Adds a field.
    #[must_use]
    pub(in crate::pact) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.push((name.to_owned(), value.into()));
        self
    }

    /// Adds a field if there is a value for it.
    #[must_use]
    pub(in crate::pact) fn maybe(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a field for each value.
    #[must_use]
    pub(in crate::pact) fn each(self, name: &str, values: impl IntoIterator<Item = String>) -> Self {
        values.into_iter().fold(self, |form, value| form.with(name, value))
    }

    /// The fields, as a query has them.
    pub(in crate::pact) fn into_pairs(self) -> Vec<(String, String)> {
        self.0
    }

    /// A request with the form as its body; without fields it has no body.
    pub(in crate::pact) fn request(self, method: &'static str, path: String) -> Request {
        if self.0.is_empty() {
            return Request::bare(method, path, Vec::new());
        }
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(&self.0);
        Request {
            method,
            path,
            query: Vec::new(),
            headers: vec![("content-type", "application/x-www-form-urlencoded".to_owned())],
            body: form.finish().into_bytes(),
            form: Vec::new(),
        }
    }

    /// A request with the file and the fields as parts of its body.
    pub(in crate::pact) fn request_with_file(self, path: String, file: &Upload) -> Request {
        let boundary = boundary(file, &self);
        let mut body = Vec::with_capacity(file.bytes.len() + 512);
        let name = quoted(&file.name);
        let media_type = media_type(&file.name);
        body.extend_from_slice(
            format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {media_type}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(&file.bytes);
        for (name, value) in &self.0 {
            let name = quoted(name);
            body.extend_from_slice(
                format!("\r\n--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
                    .as_bytes(),
            );
        }
        body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
        Request {
            method: "POST",
            path,
            query: Vec::new(),
            headers: vec![("content-type", format!("multipart/form-data; boundary={boundary}"))],
            body,
            form: Vec::new(),
        }
    }
}

/// A file to upload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::pact) struct Upload {
    /// Its name.
    pub(in crate::pact) name: String,
    /// What is in it.
    pub(in crate::pact) bytes: Vec<u8>,
}

/// A line that stands nowhere in the body: made of the body itself, for there is no chance here to make it of. Whoever
/// could write a file that holds the digest of itself could do worse.
fn boundary(file: &Upload, form: &Form) -> String {
    let mut digest = Sha1::new();
    digest.update(&file.bytes);
    for (name, value) in &form.0 {
        digest.update(name.as_bytes());
        digest.update(value.as_bytes());
    }
    format!("chatledger-{}", hex::encode(&digest.finalize()[..16]))
}

/// A name within quotes, as browsers write it.
fn quoted(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn media_type(name: &str) -> &'static str {
    super::super::decode::values::type_by_extension(name).unwrap_or("application/octet-stream")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_in_a_form_has_nothing_between_its_brackets() {
        let form = Form::default().with("message", "а б").each("attachments_ids[]", ["1".to_owned(), "2".to_owned()]);
        let request = form.request("POST", "/".to_owned());
        let body = String::from_utf8(request.body).unwrap();
        assert_eq!(body, "message=%D0%B0+%D0%B1&attachments_ids%5B%5D=1&attachments_ids%5B%5D=2");
    }

    #[test]
    fn a_file_goes_in_parts_with_its_name_and_type() {
        let file = Upload { name: "a\"b.png".to_owned(), bytes: b"\x89PNG".to_vec() };
        let request = Form::default().with("company_id", "7").request_with_file("/".to_owned(), &file);
        let (_, boundary) = request.headers[0].1.split_once("boundary=").unwrap();
        let body = String::from_utf8_lossy(&request.body).into_owned();
        assert_eq!(body.matches(boundary).count(), 3);
        assert!(body.contains("filename=\"a%22b.png\"\r\ncontent-type: image/png\r\n\r\n"), "{body}");
        assert!(body.contains("name=\"company_id\"\r\n\r\n7\r\n--"), "{body}");
        assert!(body.ends_with("--\r\n"));
    }
}
