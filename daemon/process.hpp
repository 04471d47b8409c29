/// The daemon as a process: its terminal, its descriptors, its limits.
#pragma once

#include <boost/asio/io_context.hpp>

namespace epmd {

/// Goes on in a child of its own session, in /, with descriptors 0 to 2 on /dev/null; the parent ends with status 0.
/// Before any thread. Throws std::system_error.
void leave_terminal(boost::asio::io_context&);

/// Closes all descriptors but 0 to 2: a daemon that a VM started must not hold the VM's pipes open.
void close_inherited_descriptors() noexcept;

/// Raises the limit of open files to what this user may have: a registered node costs a descriptor.
void raise_descriptor_limit() noexcept;

} // namespace epmd
