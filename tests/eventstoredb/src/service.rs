//! The calls of the streams service, each led to its work.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::node::Node;
use crate::protocol::streams::streams_server::Streams;
use crate::protocol::streams::{
    AppendReq, AppendResp, BatchAppendReq, BatchAppendResp, DeleteReq, DeleteResp, ReadReq, ReadResp, TombstoneReq,
    TombstoneResp, delete_resp, tombstone_resp,
};
use crate::wire::EMPTY;
use crate::{read, write};

/// How many answers wait to be sent; further ones wait where they are made.
const WAITING: usize = 64;

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl Streams for Node {
    type ReadStream = Answers<ReadResp>;
    type BatchAppendStream = Answers<BatchAppendResp>;

    async fn read(&self, request: Request<ReadReq>) -> Result<Response<Self::ReadStream>, Status> {
        let rights = self.admit(&request)?;
        let options = request.into_inner().options.ok_or_else(|| Status::invalid_argument("no options"))?;
        let (give, take) = mpsc::channel(WAITING);
        tokio::spawn(read::read(self.clone(), rights, options, give));
        Ok(Response::new(Box::pin(ReceiverStream::new(take))))
    }

    async fn append(&self, request: Request<Streaming<AppendReq>>) -> Result<Response<AppendResp>, Status> {
        self.admit(&request)?;
        Ok(Response::new(write::append(self, request.into_inner()).await?))
    }

    async fn delete(&self, request: Request<DeleteReq>) -> Result<Response<DeleteResp>, Status> {
        self.admit(&request)?;
        let position = write::delete(self, request.into_inner().options).await?;
        let position_option = match position {
            Some(position) => delete_resp::PositionOption::Position(position),
            None => delete_resp::PositionOption::NoPosition(EMPTY),
        };
        Ok(Response::new(DeleteResp { position_option: Some(position_option) }))
    }

    async fn tombstone(&self, request: Request<TombstoneReq>) -> Result<Response<TombstoneResp>, Status> {
        self.admit(&request)?;
        let position = write::tombstone(self, request.into_inner().options).await?;
        let position_option = match position {
            Some(position) => tombstone_resp::PositionOption::Position(tombstone_resp::Position {
                commit_position: position,
                prepare_position: position,
            }),
            None => tombstone_resp::PositionOption::NoPosition(EMPTY),
        };
        Ok(Response::new(TombstoneResp { position_option: Some(position_option) }))
    }

    async fn batch_append(
        &self,
        request: Request<Streaming<BatchAppendReq>>,
    ) -> Result<Response<Self::BatchAppendStream>, Status> {
        self.admit(&request)?;
        let (give, take) = mpsc::channel(WAITING);
        tokio::spawn(write::batch_append(self.clone(), request.into_inner(), give));
        Ok(Response::new(Box::pin(ReceiverStream::new(take))))
    }
}
