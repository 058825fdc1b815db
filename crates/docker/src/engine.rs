//! The container engine, as far as all containers share it.

use std::collections::HashMap;
use std::path::PathBuf;

use bollard::errors::Error;
use bollard::models::{ContainerConfig, ContainerCreateBody, ContainerInspectResponse, ExecConfig};
use bollard::query_parameters::{
    CommitContainerOptionsBuilder, CreateContainerOptionsBuilder, CreateImageOptionsBuilder, InspectContainerOptions,
    RemoveContainerOptionsBuilder, RemoveImageOptionsBuilder, StartContainerOptions,
};
use futures_util::TryStreamExt as _;
use serde::Deserialize;

use crate::DockerError;
use crate::error::{is_absent, said};
use crate::hijack::Attached;
use crate::owner::{DRIVER, LABEL, Owner};

/// Where Docker listens unless it is said otherwise.
const DEFAULT_HOST: &str = "unix:///var/run/docker.sock";

/// How long a request may take, in seconds. Attached jobs are not requests.
const REQUEST_SECONDS: u64 = 120;

/// A container or an image in the engine's list, as far as it matters: the client crate fails on states that only Podman has.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listed {
    id: String,
    labels: Option<HashMap<String, String>>,
}

/// A container engine on this machine.
#[derive(Debug)]
pub(crate) struct Engine {
    client: bollard::Docker,
    socket: PathBuf,
    pub(crate) owner: Owner,
    /// Podman needs limits of open files and processes that it may set itself.
    pub(crate) is_podman: bool,
    /// Whether root in a container is the user outside.
    pub(crate) is_rootless: bool,
}

impl Engine {
    /// Connects and asks what it is.
    pub(crate) async fn connect(host: Option<&str>) -> Result<Self, DockerError> {
        let host = host.map(str::trim).filter(|host| !host.is_empty()).unwrap_or(DEFAULT_HOST);
        let socket = host.strip_prefix("unix://").filter(|socket| socket.starts_with('/'));
        let Some(socket) = socket else { return Err(DockerError::NotLocal { host: host.to_owned() }) };
        let absent = |error: &Error| DockerError::NoEngine { host: host.to_owned(), problem: said(error) };
        if let Err(error) = tokio::net::UnixStream::connect(socket).await {
            return Err(DockerError::NoEngine { host: host.to_owned(), problem: error.to_string() });
        }
        let client = bollard::Docker::connect_with_unix(socket, REQUEST_SECONDS, bollard::API_DEFAULT_VERSION);
        let client = client.map_err(|error| absent(&error))?.negotiate_version().await;
        let client = client.map_err(|error| absent(&error))?;
        let version = client.version().await.map_err(|error| absent(&error))?;
        let info = client.info().await.map_err(|error| absent(&error))?;
        let components = version.components.unwrap_or_default();
        let options = info.security_options.unwrap_or_default();
        Ok(Self {
            client,
            socket: PathBuf::from(socket),
            owner: Owner::this(),
            is_podman: components.iter().any(|component| component.name.to_lowercase().contains("podman")),
            is_rootless: options.iter().any(|option| option.contains("rootless")),
        })
    }

    /// Sees that an image is there, and pulls it if it is not.
    pub(crate) async fn have_image(&self, image: &str) -> Result<(), DockerError> {
        match self.client.inspect_image(image).await {
            Ok(_) => return Ok(()),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(DockerError::engine(format!("looking for the image `{image}` failed"), &error)),
        }
        // Without a tag, engines would pull all of them.
        let name = image.rsplit('/').next().unwrap_or(image);
        let tagged = if name.contains([':', '@']) { image.to_owned() } else { format!("{image}:latest") };
        let options = CreateImageOptionsBuilder::new().from_image(&tagged).build();
        let pulled = self.client.create_image(Some(options), None, None);
        let pulled = pulled.try_for_each(|_| std::future::ready(Ok(()))).await;
        pulled.map_err(|error| DockerError::NoImage { image: image.to_owned(), problem: said(&error) })
    }

    /// Removes containers, and images made of them, whose massgen is gone. Gives how many there were.
    pub(crate) async fn remove_leftovers(&self) -> Result<usize, DockerError> {
        let mut removed = 0;
        for id in self.left_behind("containers").await? {
            // Another massgen may be removing it, too.
            removed += usize::from(self.remove(&id).await.is_ok());
        }
        for id in self.left_behind("images").await? {
            removed += usize::from(self.remove_image(&id).await.is_ok());
        }
        Ok(removed)
    }

    /// Removes the containers of a driver.
    pub(crate) async fn remove_of(&self, driver: &str) {
        // What cannot be removed now, the next start of massgen removes.
        for container in self.listed("containers", &format!("{DRIVER}={driver}")).await.unwrap_or_default() {
            let _ = self.remove(&container.id).await;
        }
    }

    /// The ids of things whose massgen is gone.
    async fn left_behind(&self, kind: &str) -> Result<Vec<String>, DockerError> {
        let is_left = |listed: &Listed| listed.labels.as_ref().is_some_and(|labels| self.owner.outlives(labels));
        Ok(self.listed(kind, LABEL).await?.into_iter().filter(is_left).map(|listed| listed.id).collect())
    }

    async fn listed(&self, kind: &str, label: &str) -> Result<Vec<Listed>, DockerError> {
        // `{"label":[...]}`, with the characters that an address cannot hold.
        let path = format!("/{kind}/json?all=true&filters=%7B%22label%22%3A%5B%22{label}%22%5D%7D");
        let failed = |problem| DockerError::Engine { what: format!("looking for {kind} left behind failed"), problem };
        let all = crate::hijack::get(&self.socket, &path).await.map_err(|error| failed(error.to_string()))?;
        serde_json::from_slice(&all).map_err(|error| failed(error.to_string()))
    }

    /// Makes an image of a container as it is. Gives its id.
    pub(crate) async fn commit(&self, container: &str) -> Result<String, Error> {
        let options = CommitContainerOptionsBuilder::new().container(container).build();
        self.client.commit_container(options, ContainerConfig::default()).await.map(|made| made.id)
    }

    /// Removes an image that was made of a container.
    pub(crate) async fn remove_image(&self, image: &str) -> Result<(), Error> {
        let options = RemoveImageOptionsBuilder::new().force(true).build();
        self.client.remove_image(image, Some(options), None).await.map(drop)
    }

    /// Makes a container. Gives its id.
    pub(crate) async fn create(&self, name: &str, body: ContainerCreateBody) -> Result<String, Error> {
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        self.client.create_container(Some(options), body).await.map(|made| made.id)
    }

    pub(crate) async fn start(&self, id: &str) -> Result<(), Error> {
        self.client.start_container(id, None::<StartContainerOptions>).await
    }

    pub(crate) async fn inspect(&self, id: &str) -> Result<ContainerInspectResponse, Error> {
        self.client.inspect_container(id, None::<InspectContainerOptions>).await
    }

    /// Removes a container with everything that runs in it. That it is gone already is no error.
    pub(crate) async fn remove(&self, id: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
        match self.client.remove_container(id, Some(options)).await {
            Err(error) if !is_absent(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Removes a container where nothing can be awaited: in a thread of its own.
    pub(crate) fn remove_detached(&self, id: &str) {
        let (socket, id) = (self.socket.clone(), id.to_owned());
        let remove = move || crate::hijack::remove_blocking(&socket, &id);
        // Without a thread, the next start of massgen removes it.
        let _ = std::thread::Builder::new().name("container removal".to_owned()).spawn(remove);
    }

    pub(crate) async fn create_exec(&self, container: &str, exec: ExecConfig) -> Result<String, Error> {
        self.client.create_exec(container, exec).await.map(|made| made.id)
    }

    /// Starts an exec and connects to its streams.
    pub(crate) async fn attach(&self, exec: &str, has_terminal: bool) -> std::io::Result<Attached> {
        Attached::open(&self.socket, exec, has_terminal).await
    }

    /// Whether an exec still runs, and its exit code.
    pub(crate) async fn inspect_exec(&self, exec: &str) -> Result<(bool, Option<i64>), Error> {
        let state = self.client.inspect_exec(exec).await?;
        Ok((state.running.unwrap_or_default(), state.exit_code))
    }

    pub(crate) async fn resize(&self, exec: &str, rows: u16, columns: u16) -> Result<(), Error> {
        let options = bollard::exec::ResizeExecOptions { height: rows, width: columns };
        self.client.resize_exec(exec, options).await
    }
}
