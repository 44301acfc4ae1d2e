//! Sends a statement through tiberius, as sqlcmd would: -Q STATEMENT.

use std::process::ExitCode;
use std::time::Duration;

use tiberius::{AuthMethod, Client, Config};
use tokio_util::compat::TokioAsyncWriteCompatExt;

async fn run(statement: &str) -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("VDI_TDS")?;
    let (host, port) = address.rsplit_once(':').ok_or("no port")?;
    let mut config = Config::new();
    config.host(host);
    config.port(port.parse()?);
    config.authentication(AuthMethod::sql_server("sa", "x"));
    config.trust_cert();
    let stream = tokio::net::TcpStream::connect(config.get_addr()).await?;
    let mut client = Client::connect(config, stream.compat_write()).await?;
    let run = async {
        client.simple_query(statement).await?.into_results().await?;
        Ok(())
    };
    if std::env::var_os("VDI_CANCEL").is_none() {
        return run.await;
    }
    // It has no attention: what is dropped is closed with its connection.
    tokio::time::timeout(Duration::from_secs(1), run).await?
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|word| word == "-Q");
    let Some(statement) = at.and_then(|at| words.get(at + 1)) else { return ExitCode::from(64) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map(|runtime| runtime.block_on(run(statement))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            println!("{error}");
            ExitCode::FAILURE
        }
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}
