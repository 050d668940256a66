//! The control plane as something to call, and how long until it is called again.

use std::error::Error;
use std::time::Duration;

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::pb::agent_service_client::AgentServiceClient;
use crate::pb::blob_service_client::BlobServiceClient;
use crate::pb::session_response::Frame;
use crate::pb::upload_request::Part;
use crate::pb::{BlobRef, DownloadRequest, SessionRequest, SessionResponse, UploadRequest, Welcome};
use crate::rpc;

const DIAL_TIMEOUT: Duration = Duration::from_secs(10);
const BLOB_TIMEOUT: Duration = Duration::from_secs(60);
const DELAY_MAX: f64 = 10.0;
/// Time does not mend these refusals; a person may do so at any moment.
const FOR_A_PERSON: [Code; 5] = [
    Code::Unauthenticated,
    Code::PermissionDenied,
    Code::Unimplemented,
    Code::InvalidArgument,
    Code::FailedPrecondition,
];

#[derive(Clone)]
pub struct Remote {
    pub url: String,
    authorization: Option<MetadataValue<Ascii>>,
}

impl Remote {
    pub fn new(url: &str, token: &str) -> Result<Self, String> {
        let address = url.strip_prefix("http://").map(|address| address.trim_end_matches('/'));
        let Some(url) = address.and_then(url_of) else {
            return Err(format!("YARDMASTER_URL must be http://host:port, not {url:?}")); // or it would dial for ever
        };
        let authorization = format!("Bearer {token}").parse();
        let authorization = authorization.map_err(|problem| format!("YARDMASTER_TOKEN: {problem}"))?;
        Ok(Self { url, authorization: Some(authorization).filter(|_| !token.is_empty()) })
    }

    /// The same, at another address.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.to_owned(), ..self.clone() }
    }

    /// A connection for each stream, so that nothing of an older one delays it.
    pub async fn connect(&self, url: &str) -> Result<Channel, Status> {
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(told)?;
        endpoint.connect_timeout(DIAL_TIMEOUT).connect().await.map_err(told)
    }

    /// The first frame that goes out is a Hello.
    pub async fn open(
        &self,
        channel: Channel,
        outgoing: mpsc::Receiver<SessionRequest>,
    ) -> Result<(Welcome, Streaming<SessionResponse>), Status> {
        let request = self.request(ReceiverStream::new(outgoing));
        let mut incoming = AgentServiceClient::new(channel).session(request).await?.into_inner();
        while let Some(answer) = incoming.message().await? {
            if let Some(Frame::Welcome(welcome)) = answer.frame {
                return Ok((welcome, incoming));
            }
        }
        Err(Status::unavailable("it was ended before the Welcome"))
    }

    pub async fn download(&self, run_id: &str, blob_id: &str) -> Result<Vec<u8>, Status> {
        let mut blobs = BlobServiceClient::new(self.connect(&self.url).await?);
        let mut request = self.request(DownloadRequest { run_id: run_id.to_owned(), blob_id: blob_id.to_owned() });
        request.set_timeout(BLOB_TIMEOUT);
        let mut parts = blobs.download(request).await?.into_inner();
        let mut data = Vec::new();
        while let Some(part) = parts.message().await? {
            data.extend(part.data);
        }
        Ok(data)
    }

    pub async fn upload(&self, parts: Vec<Part>) -> Result<BlobRef, Status> {
        let mut blobs = BlobServiceClient::new(self.connect(&self.url).await?);
        let parts = parts.into_iter().map(|part| UploadRequest { part: Some(part) });
        let mut request = self.request(tokio_stream::iter(parts));
        request.set_timeout(BLOB_TIMEOUT);
        let stored = blobs.upload(request).await?.into_inner().blob;
        stored.ok_or_else(|| Status::data_loss("the upload was answered without a blob"))
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }
}

/// Of an address as a GoAway states it, if it is `host:port` and nothing else.
pub fn url_of(address: &str) -> Option<String> {
    let url = format!("http://{address}");
    let endpoint = Endpoint::from_shared(url.clone()).ok()?;
    let is_plain = endpoint.uri().authority()?.as_str() == address && endpoint.uri().port().is_some();
    Some(url).filter(|_| is_plain && !address.contains('@'))
}

/// With what caused it: the outermost error says only "transport error".
fn told(error: tonic::transport::Error) -> Status {
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Status::unavailable(format!("{error}{cause}"))
}

/// Full jitter below a ceiling that doubles from 0.2 s to 10 s, and not before the time that RetryInfo states.
pub fn delay_after(status: &Status, tries: i32) -> Duration {
    if let Some(stated) = retry_delay(status) {
        return stated + Duration::from_secs_f64(fastrand::f64() * 0.2);
    }
    if FOR_A_PERSON.contains(&status.code()) {
        return Duration::from_secs_f64(DELAY_MAX);
    }
    Duration::from_secs_f64(fastrand::f64() * DELAY_MAX.min(0.2 * 2_f64.powi(tries.min(10))))
}

fn retry_delay(status: &Status) -> Option<Duration> {
    let details = rpc::Status::decode(status.details()).ok()?.details;
    let stated = details.iter().find(|detail| detail.type_url.ends_with("/google.rpc.RetryInfo"))?;
    rpc::RetryInfo::decode(&stated.value[..]).ok()?.retry_delay?.try_into().ok()
}
