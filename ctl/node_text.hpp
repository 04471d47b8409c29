/// A node as people read it.
#pragma once

#include <boost/json/value.hpp>

#include <string>

namespace epmd::ctl {

/// `idfe@lowry`: by its own word or its command line, else by where it is; else its alive name.
std::string name_of(const boost::json::value& node);

/// `lowry`, `127.0.0.9`, or nothing.
std::string host_of(const boost::json::value& node);

/// `erlang`, `hidden`, `c`, `java`, or the number.
std::string type_of(const boost::json::value& node);

/// What placed it, or its state where that says more.
std::string placement_of(const boost::json::value& node);

/// The name of a user, or the number where it has none; empty when it is null.
std::string user_of(const boost::json::value& uid);

} // namespace epmd::ctl
