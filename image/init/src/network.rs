//! The network: loopback up, the one interface with its address, no default route. Spoken in rtnetlink (rtnetlink(7)).

use crate::refusal::Refusal;
use core::net::Ipv4Addr;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netdevice, recv, send,
    socket_with,
};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// `RTM_NEWLINK` and `RTM_NEWADDR`.
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
/// `NLM_F_REQUEST | NLM_F_ACK`, and `NLM_F_EXCL | NLM_F_CREATE`.
const REQUEST: u16 = 0x001 | 0x004;
const CREATE: u16 = 0x200 | 0x400;
/// `NLMSG_ERROR`: the acknowledgement, with an error number of zero when all is well.
const ACKNOWLEDGED: u16 = 2;
/// `IFF_UP`.
const UP: u32 = 1;
/// `IFA_ADDRESS` and `IFA_LOCAL`.
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;

/// The interfaces of the image; a third one is the host's idea and is refused.
const LOOPBACK: &str = "lo";
const INTERFACE: &str = "eth0";

/// Brings the network up.
pub(crate) fn configure(address: Ipv4Addr, prefix: u8) -> Result<(), Refusal> {
    alone(Path::new("/sys/class/net"))?;
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::RAW,
        SocketFlags::CLOEXEC,
        None, // NETLINK_ROUTE is 0
    )
    .map_err(Refusal::failed("network", "a netlink socket"))?;
    let index = |name: &'static str| {
        netdevice::name_to_index(&socket, name).map_err(Refusal::failed("network", name))
    };
    let (loopback, interface) = (index(LOOPBACK)?, index(INTERFACE)?);
    ask(&socket, &up(loopback)).map_err(Refusal::failed("network", "lo up"))?;
    ask(&socket, &with_address(interface, address, prefix))
        .map_err(Refusal::failed("network", "an address on eth0"))?;
    ask(&socket, &up(interface)).map_err(Refusal::failed("network", "eth0 up"))
}

/// Exactly `lo` and `eth0` below `interfaces` (`/sys/class/net`).
fn alone(interfaces: &Path) -> Result<(), Refusal> {
    let mut names = Vec::new();
    for entry in
        std::fs::read_dir(interfaces).map_err(Refusal::failed("network", "a list of interfaces"))?
    {
        let entry = entry.map_err(Refusal::failed("network", "a list of interfaces"))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    if names == [INTERFACE, LOOPBACK] {
        Ok(())
    } else {
        Err(Refusal::new("network", "eth0 lo", names.join(" ")))
    }
}

/// `struct ifinfomsg`: family, padding, type, index, flags, which flags to change.
fn up(index: u32) -> Vec<u8> {
    let mut body = vec![0; 4];
    for field in [index, UP, UP] {
        body.extend_from_slice(&field.to_ne_bytes());
    }
    message(NEW_LINK, REQUEST, &body)
}

/// `struct ifaddrmsg` (family AF_INET, prefix length, flags, scope, index), then the address twice: ours and, on a network without
/// a peer, the same again.
fn with_address(index: u32, address: Ipv4Addr, prefix: u8) -> Vec<u8> {
    let mut body = vec![2, prefix, 0, 0];
    body.extend_from_slice(&index.to_ne_bytes());
    for kind in [LOCAL, ADDRESS] {
        body.extend_from_slice(&8u16.to_ne_bytes());
        body.extend_from_slice(&kind.to_ne_bytes());
        body.extend_from_slice(&address.octets());
    }
    message(NEW_ADDRESS, REQUEST | CREATE, &body)
}

/// `struct nlmsghdr` (length, type, flags, sequence, sender) before a body of whole words.
fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len().saturating_add(16)).unwrap_or(u32::MAX);
    let mut message = Vec::with_capacity(64);
    message.extend_from_slice(&length.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(body);
    message
}

/// Sends one request and reads its acknowledgement.
fn ask(socket: &OwnedFd, message: &[u8]) -> Result<(), String> {
    let failed = |error: rustix::io::Errno| error.to_string();
    send(socket.as_fd(), message, SendFlags::empty()).map_err(failed)?;
    let mut buffer = [0u8; 1024];
    let (length, _) = recv(socket.as_fd(), &mut buffer, RecvFlags::empty()).map_err(failed)?;
    acknowledged(buffer.get(..length).unwrap_or_default())
}

/// `struct nlmsgerr` behind the header: zero, or a negative error number.
fn acknowledged(answer: &[u8]) -> Result<(), String> {
    let kind = answer
        .get(4..6)
        .and_then(|bytes| bytes.try_into().ok())
        .map(u16::from_ne_bytes);
    let error = answer
        .get(16..20)
        .and_then(|bytes| bytes.try_into().ok())
        .map(i32::from_ne_bytes);
    match (kind, error) {
        (Some(ACKNOWLEDGED), Some(0)) => Ok(()),
        (Some(ACKNOWLEDGED), Some(error)) => {
            Err(rustix::io::Errno::from_raw_os_error(error.saturating_neg()).to_string())
        }
        _ => Err(String::from("no acknowledgement")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_kernels_layout() {
        let mut expected = vec![
            40, 0, 0, 0, 20, 0, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 2, 24, 0, 0, 3, 0, 0, 0,
        ];
        expected.extend([8, 0, 2, 0, 10, 0, 2, 15, 8, 0, 1, 0, 10, 0, 2, 15]);
        assert_eq!(with_address(3, Ipv4Addr::new(10, 0, 2, 15), 24), expected);
        assert_eq!(up(1).len(), 32);
    }

    #[test]
    fn only_a_clean_acknowledgement_counts() {
        let answer = |kind: u8, error: i32| {
            let mut bytes = vec![36, 0, 0, 0, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            bytes.extend(error.to_ne_bytes());
            bytes
        };
        assert_eq!(acknowledged(&answer(2, 0)), Ok(()));
        assert!(acknowledged(&answer(2, -17)).is_err());
        assert!(acknowledged(&answer(16, 0)).is_err());
        assert!(acknowledged(&[]).is_err());
    }
}
