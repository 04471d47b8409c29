/// Opens the sockets on which the daemon listens, and keeps outsiders away from them.
#pragma once

#include "net/asio.hpp"
#include "settings/settings.hpp"

#include <boost/system/error_code.hpp>

#include <span>
#include <stdexcept>
#include <vector>

namespace epmd {

/// A socket that could not be had: where, and what the system said.
class listen_error : public std::runtime_error {
  public:
    listen_error(const address& where, std::uint16_t port, boost::system::error_code why);

    [[nodiscard]] const address& where() const noexcept { return where_; }
    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    [[nodiscard]] bool is_port_taken() const noexcept;
    [[nodiscard]] boost::system::error_code why() const noexcept { return why_; }

  private:
    address where_;
    std::uint16_t port_;
    boost::system::error_code why_;
};

/// Listens as the settings say: on every address (IPv4 and IPv6 apart), or on the given ones and the loopback
/// addresses, as stock does. IPv6 that the machine does not have is left out. All or none: throws listen_error.
std::vector<acceptor> open_listeners(asio::io_context&, const settings&);

/// The same on some of those addresses only.
std::vector<acceptor> open_listeners(asio::io_context&, const settings&, std::span<const address> where);

/// Where open_listeners listens, in the order in which it binds; none twice, none that a wildcard among them covers.
std::vector<address> addresses_to_listen_on(const settings&);

/// Takes over sockets that listen already, as systemd passes them; IPv6 ones may serve IPv4 as well. Throws
/// std::runtime_error when one does not listen for TCP.
std::vector<acceptor> adopt_listeners(asio::io_context&, std::span<const int> descriptors, listen_scope);

/// Sets who may reach a listener, now and for connections to come. Throws std::system_error.
///
/// `loopback` attaches a classic BPF filter that drops what did not arrive on the loopback device: the machine's own
/// traffic passes, to whichever of its addresses; to an outsider the port is silent. (Binding to the device `lo` would
/// not do: it refuses the machine's own LAN address, to which many hostnames resolve.) Linux up to 6.12 at least lets
/// everybody do that; 6.18 wants CAP_NET_ADMIN (seen on both). Where it is refused there is no filter, and whoever is
/// accepted has to be looked at: is_filtered tells.
void restrict_listener(acceptor&, listen_scope);

/// Whether a packet filter is attached.
bool is_filtered(acceptor&);

} // namespace epmd
