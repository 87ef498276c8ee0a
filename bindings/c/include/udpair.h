/* The C ABI of udpair. Generated from bindings/c/src by `cargo xtask header --write`.
 *
 * Objects are counted: a function that writes an object, or returns one, gives a reference to it,
 * which udpair_release gives up; udpair_retain adds one. An object that is passed to a function stays
 * the caller's. Objects may be used by several threads at once, but for what a comment says.
 *
 * A function that can fail returns 0, or an HRESULT below 0; udpair_error_message then has the text
 * for this thread. Where a result is written is only changed by a call that succeeds. Optional places
 * for an operation may be NULL.
 *
 * Callbacks come from threads of the library, and may block and call everything. No C++ exception may
 * leave one. */

#ifndef UDPAIR_H
#define UDPAIR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __cplusplus
/* A string literal as a udpair_text. */
#define UDPAIR_TEXT(literal) ((udpair_text){(literal), sizeof(literal) - 1})
#endif


/**
 * A network adapter of this machine, as it was when it was looked up.
 */
typedef struct udpair_adapter udpair_adapter;

/**
 * Bytes with a fixed capacity and a length up to it.
 */
typedef struct udpair_buffer udpair_buffer;

/**
 * The other end of an operation that the program itself performs.
 */
typedef struct udpair_completer udpair_completer;

/**
 * The options of a socket, which do not keep it open.
 */
typedef struct udpair_control udpair_control;

/**
 * The host names and service names of both ends. References to it see each other's changes.
 */
typedef struct udpair_endpoint_pair udpair_endpoint_pair;

/**
 * A name or an address of a host. It never changes.
 */
typedef struct udpair_host_name udpair_host_name;

/**
 * The addresses and ports of a socket, which do not keep it open.
 */
typedef struct udpair_information udpair_information;

/**
 * Where bytes come from.
 */
typedef struct udpair_input_stream udpair_input_stream;

/**
 * Host names, endpoint pairs or adapters, in an order. It never changes.
 */
typedef struct udpair_list udpair_list;

/**
 * A datagram that has arrived, or an error that the network sent back for one that was sent. It
 * stays valid after the callback and after the socket, for a caller that retains it.
 */
typedef struct udpair_message udpair_message;

/**
 * An operation that has started: connecting, or a write, for example. It goes on whether or not
 * anybody waits for it.
 */
typedef struct udpair_operation udpair_operation;

/**
 * Where bytes go: one write is one datagram.
 */
typedef struct udpair_output_stream udpair_output_stream;

/**
 * A connection of this machine to a network.
 */
typedef struct udpair_profile udpair_profile;

/**
 * Reads values from a stream or a buffer. A read that fails leaves everything unread.
 */
typedef struct udpair_reader udpair_reader;

/**
 * What looks names up for sockets.
 */
typedef struct udpair_resolver udpair_resolver;

/**
 * A socket for datagrams. It is closed when the last reference to it is released.
 */
typedef struct udpair_socket udpair_socket;

/**
 * Writes values, which are then stored in a stream: all values since the last store are one
 * datagram.
 */
typedef struct udpair_writer udpair_writer;

/**
 * Text of the caller: UTF-8 with a length, so that NUL may be inside. It is only read during the
 * call. `data` may be NULL if `length` is 0.
 */
typedef struct {
  /**
   * The first byte.
   */
  const char *data;
  /**
   * The number of bytes.
   */
  size_t length;
} udpair_text;

/**
 * What a function returns: 0, or the HRESULT of an error, which is negative.
 */
typedef int32_t udpair_hresult;

/**
 * Bytes of the caller, which are only read during the call. `data` may be NULL if `length` is 0.
 */
typedef struct {
  /**
   * The first byte.
   */
  const uint8_t *data;
  /**
   * The number of bytes.
   */
  size_t length;
} udpair_bytes;

/**
 * A function that is called on a thread of the library.
 */
typedef void (*udpair_run_fn)(void *context);

/**
 * Destroys the context of a callback. It is called exactly once, when the callback will not be
 * called any more: also if the function that was given the callback has failed. May be NULL.
 */
typedef void (*udpair_destroy_fn)(void *context);

/**
 * A GUID, its first three fields as numbers.
 */
typedef struct {
  /**
   * The first 32 bits.
   */
  uint32_t data1;
  /**
   * The next 16 bits.
   */
  uint16_t data2;
  /**
   * The next 16 bits.
   */
  uint16_t data3;
  /**
   * The last 64 bits, byte by byte.
   */
  uint8_t data4[8];
} udpair_guid;

/**
 * Text for the caller, which frees it with udpair_string_free: UTF-8, and a NUL after it that the
 * length does not count.
 */
typedef struct {
  /**
   * The first byte, never NULL.
   */
  char *data;
  /**
   * The number of bytes.
   */
  size_t length;
} udpair_string;

/**
 * Called when an operation has ended. `status` is an AsyncStatus: 1 completed, 2 cancelled, 3 failed.
 */
typedef void (*udpair_completed_fn)(void *context, int32_t status);

/**
 * Called with the progress of an operation, in bytes.
 */
typedef void (*udpair_progress_fn)(void *context, uint32_t progress);

/**
 * Called for each message of a socket. Both objects are the library's: a caller that keeps one
 * retains it. The calls of a socket come one after the other, on threads of the library, and may
 * block and call anything.
 */
typedef void (*udpair_received_fn)(void *context,
                                   const udpair_socket *socket,
                                   const udpair_message *message);

/**
 * An address with a port. An unknown one has no bytes.
 */
typedef struct {
  /**
   * The bytes of the IP address, the first `length` of them.
   */
  uint8_t ip[16];
  /**
   * 4 for IPv4, 16 for IPv6, 0 if it is not known.
   */
  uint8_t length;
  /**
   * The port.
   */
  uint16_t port;
  /**
   * The zone of an IPv6 address, or 0.
   */
  uint32_t scope_id;
} udpair_address;

/**
 * A datagram of a batch, or an error that the network sent back. It is only valid during the
 * callback.
 */
typedef struct {
  /**
   * The payload; NULL for an error.
   */
  const uint8_t *data;
  /**
   * The number of bytes of the payload.
   */
  size_t length;
  /**
   * The sender; for an error, the destination.
   */
  udpair_address remote;
  /**
   * The local address; unknown for an error.
   */
  udpair_address local;
  /**
   * 0, or the HRESULT of an error.
   */
  udpair_hresult code;
} udpair_datagram;

/**
 * Called for the messages that have arrived, which are valid during the call. The calls of a socket
 * come one after the other, on threads of the library, and may block and call anything.
 */
typedef void (*udpair_batch_fn)(void *context, const udpair_datagram *datagrams, size_t count);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Returns the version of this ABI: the number of changes that break programs. Any thread.
 */
uint32_t udpair_abi_version(void);

/**
 * Returns the version of the library, such as "0.1.0". The text is static. Any thread.
 */
udpair_text udpair_version(void);

/**
 * Makes a buffer with this capacity, which is the caller's. Its length is 0, and its bytes are zero.
 * Any thread.
 *
 * Errors: E_INVALIDARG if `out` is NULL.
 */
udpair_hresult udpair_buffer_new(uint32_t capacity,
                                 udpair_buffer **out);

/**
 * Makes a buffer that is full of a copy of these bytes, which is the caller's. Any thread.
 *
 * Errors: E_OUTOFMEMORY; E_INVALIDARG if there are more than 4,294,967,295 bytes.
 */
udpair_hresult udpair_buffer_copy_of(udpair_bytes bytes, udpair_buffer **out);

/**
 * Returns the number of bytes that a buffer has room for; 0 if it is NULL. Any thread.
 */
uint32_t udpair_buffer_capacity(const udpair_buffer *buffer);

/**
 * Returns the number of bytes that are in use; 0 if the buffer is NULL. Any thread.
 */
uint32_t udpair_buffer_length(const udpair_buffer *buffer);

/**
 * Sets the number of bytes that are in use. The bytes stay. Any thread.
 *
 * Errors: E_INVALIDARG if that is more than the capacity.
 */
udpair_hresult udpair_buffer_set_length(const udpair_buffer *buffer, uint32_t length);

/**
 * Writes the address of the bytes of a buffer, as many as its capacity. They stay there as long as
 * the buffer. Any thread; a program must not write to them while an operation or another thread uses
 * the buffer.
 *
 * Errors: E_OUTOFMEMORY.
 */
udpair_hresult udpair_buffer_data(const udpair_buffer *buffer,
                                  uint8_t **out);

/**
 * Calls `run` once on a thread of the library, where it may block for as long as it likes.
 *
 * Errors: E_INVALIDARG if `run` is NULL. Any thread.
 */
int32_t udpair_run(udpair_run_fn run, void *context, udpair_destroy_fn destroy);

/**
 * Writes the id of an adapter. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_adapter_id(const udpair_adapter *adapter, udpair_guid *out);

/**
 * Returns the type of an adapter as IANA numbers it; 0 if it is NULL. Any thread.
 */
uint32_t udpair_adapter_iana_interface_type(const udpair_adapter *adapter);

/**
 * Returns the nominal speed of what arrives, in bits per second; 0 if it is not known. Any thread.
 */
uint64_t udpair_adapter_inbound_max_bits_per_second(const udpair_adapter *adapter);

/**
 * Returns the nominal speed of what leaves, in bits per second; 0 if it is not known. Any thread.
 */
uint64_t udpair_adapter_outbound_max_bits_per_second(const udpair_adapter *adapter);

/**
 * Writes the network that an adapter is attached to: its id, and what it reaches as NetworkTypes
 * (1 the internet, 2 a private network). Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_adapter_network(const udpair_adapter *adapter,
                                      udpair_guid *id,
                                      uint32_t *types);

/**
 * Looks up the connection profile of an adapter. The result is a udpair_profile, or NULL if the
 * adapter is attached to no network. The operation is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if the adapter is NULL.
 */
udpair_hresult udpair_adapter_connected_profile(const udpair_adapter *adapter,
                                                udpair_operation **out);

/**
 * Writes the name of a connection, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_profile_name(const udpair_profile *profile, udpair_string *out);

/**
 * Writes the adapter of a connection, which is the caller's; NULL if it has none. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_profile_adapter(const udpair_profile *profile, udpair_adapter **out);

/**
 * Lists all adapters of this machine, as udpair_adapter, loopback and those without an address too. The
 * list is the caller's. Any thread.
 *
 * Errors: the system's own.
 */
udpair_hresult udpair_adapters(udpair_list **out);

/**
 * Lists the names of this machine and the addresses of its adapters, as udpair_host_name. The list
 * is the caller's. Any thread.
 *
 * Errors: the system's own.
 */
udpair_hresult udpair_host_names(udpair_list **out);

/**
 * Lists endpoint pairs in the order in which they should be tried, with their local host names
 * filled in. `count` pairs begin at `pairs`; `sort_options` is 0 or 2. The list is the caller's. Any
 * thread.
 *
 * Errors: E_INVALIDARG if a pair is NULL or one of its service names is not valid.
 */
udpair_hresult udpair_sort_endpoint_pairs(const udpair_endpoint_pair *const *pairs,
                                          size_t count,
                                          uint32_t sort_options,
                                          udpair_list **out);

/**
 * Writes the profile of the adapter that the machine prefers for the internet, which is the
 * caller's; NULL if it has none. Any thread.
 *
 * Errors: the system's own.
 */
udpair_hresult udpair_internet_connection_profile(udpair_profile **out);

/**
 * Calls a function at changes of adapters, addresses and default routes, until the token that is
 * written is given to udpair_remove_network_status_changed. The calls come one after another, on a
 * thread of the library, and may block. Any thread.
 *
 * Errors: the system does not report changes.
 */
udpair_hresult udpair_add_network_status_changed(udpair_run_fn changed,
                                                 void *context,
                                                 udpair_destroy_fn destroy,
                                                 int64_t *token);

/**
 * Removes a function that was added. An unknown token is ignored. Any thread.
 */
void udpair_remove_network_status_changed(int64_t token);

/**
 * Refuses a member that is not implemented: 0 GetConnectionProfiles, 1 FindConnectionProfilesAsync,
 * 2 GetLanIdentifiers, 3 GetProxyConfigurationAsync. Any thread.
 *
 * Errors: E_NOTIMPL; E_INVALIDARG for another number.
 */
udpair_hresult udpair_not_implemented(int32_t member);

/**
 * Writes what is known about the address of this machine that a host name is: the adapter, which
 * is the caller's, and the length of the network's prefix in bits, or -1. The adapter is NULL for
 * every host name that udpair_host_names has not listed. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_host_name_ip_information(const udpair_host_name *host_name,
                                               udpair_adapter **adapter,
                                               int32_t *prefix_length);

/**
 * Writes the text of the last call that has failed on this thread to `message`, which the caller
 * frees with udpair_string_free. Later calls that succeed do not change it.
 */
void udpair_error_message(udpair_string *message);

/**
 * Returns the SocketErrorStatus that an HRESULT stands for, 0 for every number that is none. Any
 * thread.
 */
int32_t udpair_socket_error_status(udpair_hresult code);

/**
 * Adds a reference to an object of any type, and returns the object. NULL stays NULL. Any thread.
 *
 * Each reference, the one that a function has returned too, is given up by udpair_release.
 */
const void *udpair_retain(const void *object);

/**
 * Gives up a reference to an object of any type. The last one destroys the object: a socket is
 * closed. NULL is ignored. Any thread, callbacks too.
 */
void udpair_release(const void *object);

/**
 * Returns whether two pointers are the same object: a socket that an event names is the one that
 * the handler was registered with, for example. The pointers may differ. Any thread.
 */
bool udpair_is_same(const void *one, const void *other);

/**
 * Returns the number of items; 0 if the list is NULL. Any thread.
 */
size_t udpair_list_length(const udpair_list *list);

/**
 * Returns a new reference to an item, which is the caller's: a udpair_host_name, a
 * udpair_endpoint_pair or a udpair_adapter, as the list has them. NULL if there is none. Any thread.
 */
void *udpair_list_get(const udpair_list *list,
                      size_t index);

/**
 * Writes where the payload of a message is: as long as a reference to the message is held. Any
 * thread.
 *
 * Errors: WSAECONNRESET if nobody receives where a datagram was sent to, which the remote address and
 * port name; WSAENETRESET if its hop limit was used up; WSAEMSGSIZE if it was truncated.
 */
udpair_hresult udpair_message_payload(const udpair_message *message,
                                      udpair_bytes *out);

/**
 * Writes a reader of the payload, which is the caller's: the same one each time. Any thread.
 *
 * Errors: those of udpair_message_payload.
 */
udpair_hresult udpair_message_reader(const udpair_message *message, udpair_reader **out);

/**
 * Writes a stream of the whole payload, which is the caller's. Any thread.
 *
 * Errors: those of udpair_message_payload.
 */
udpair_hresult udpair_message_stream(const udpair_message *message, udpair_input_stream **out);

/**
 * Writes the local address that received a message, which is the caller's; NULL for an error. Any
 * thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_message_local_address(const udpair_message *message, udpair_host_name **out);

/**
 * Writes the address of the sender, which is the caller's; for an error, the destination. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_message_remote_address(const udpair_message *message,
                                             udpair_host_name **out);

/**
 * Returns the port of the sender; for an error, that of the destination. 0 if the message is NULL. Any
 * thread.
 */
uint16_t udpair_message_remote_port(const udpair_message *message);

/**
 * Makes a host name of text. Nothing is looked up. The result is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if the text is no host name.
 */
udpair_hresult udpair_host_name_new(udpair_text text, udpair_host_name **out);

/**
 * Writes the canonical form, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_host_name_canonical_name(const udpair_host_name *host_name,
                                               udpair_string *out);

/**
 * Writes the form for people, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_host_name_display_name(const udpair_host_name *host_name, udpair_string *out);

/**
 * Writes the text that the host name was made of, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_host_name_raw_name(const udpair_host_name *host_name, udpair_string *out);

/**
 * Returns the type: 0 a domain name, 1 an IPv4 address, 2 an IPv6 address, 3 a Bluetooth address.
 * Any thread.
 */
int32_t udpair_host_name_type(const udpair_host_name *host_name);

/**
 * Returns whether both have the same canonical name; NULL equals nothing. Any thread.
 */
bool udpair_host_name_is_equal(const udpair_host_name *host_name, const udpair_host_name *other);

/**
 * Compares the canonical names of two host names that are given as text: writes -1, 0 or 1. Any
 * thread.
 *
 * Errors: those of udpair_host_name_new.
 */
udpair_hresult udpair_host_name_compare(udpair_text value1, udpair_text value2, int32_t *out);

/**
 * Makes an endpoint pair, which is the caller's. Without a local host name, and with an empty local
 * service name, the system chooses the local end. Any thread.
 *
 * Errors: E_INVALIDARG if the remote host name is NULL or the remote service name is empty.
 */
udpair_hresult udpair_endpoint_pair_new(const udpair_host_name *local_host_name,
                                        udpair_text local_service_name,
                                        const udpair_host_name *remote_host_name,
                                        udpair_text remote_service_name,
                                        udpair_endpoint_pair **out);

/**
 * Writes the local host name, which is the caller's; NULL if the system chooses. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_endpoint_pair_local_host_name(const udpair_endpoint_pair *endpoint_pair,
                                                    udpair_host_name **out);

/**
 * Sets the local host name; NULL lets the system choose. Any thread.
 *
 * Errors: E_INVALIDARG if the pair is NULL.
 */
udpair_hresult udpair_endpoint_pair_set_local_host_name(const udpair_endpoint_pair *endpoint_pair,
                                                        const udpair_host_name *host_name);

/**
 * Writes the local service name, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_endpoint_pair_local_service_name(const udpair_endpoint_pair *endpoint_pair,
                                                       udpair_string *out);

/**
 * Sets the local service name; an empty one lets the system choose the port. Any thread.
 *
 * Errors: E_INVALIDARG if the pair is NULL.
 */
udpair_hresult udpair_endpoint_pair_set_local_service_name(const udpair_endpoint_pair *endpoint_pair,
                                                           udpair_text service_name);

/**
 * Writes the remote host name, which is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_endpoint_pair_remote_host_name(const udpair_endpoint_pair *endpoint_pair,
                                                     udpair_host_name **out);

/**
 * Sets the remote host name. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_endpoint_pair_set_remote_host_name(const udpair_endpoint_pair *endpoint_pair,
                                                         const udpair_host_name *host_name);

/**
 * Writes the remote service name, which the caller frees. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_endpoint_pair_remote_service_name(const udpair_endpoint_pair *endpoint_pair,
                                                        udpair_string *out);

/**
 * Sets the remote service name. An empty one is accepted here, and refused by sockets. Any thread.
 *
 * Errors: E_INVALIDARG if the pair is NULL.
 */
udpair_hresult udpair_endpoint_pair_set_remote_service_name(const udpair_endpoint_pair *endpoint_pair,
                                                            udpair_text service_name);

/**
 * Returns the identifier of an operation. 0 if it is NULL. Any thread.
 */
uint32_t udpair_operation_id(const udpair_operation *operation);

/**
 * Returns how far an operation is: 0 started, 1 completed, 2 cancelled, 3 failed. Any thread.
 */
int32_t udpair_operation_status(const udpair_operation *operation);

/**
 * Returns the HRESULT of the error with which an operation has ended; 0 if it has none, or has not
 * ended. udpair_error_message then has its text. Any thread.
 */
udpair_hresult udpair_operation_error(const udpair_operation *operation);

/**
 * Cancels an operation. It ends with the status 2, unless it has ended by itself. Any thread.
 */
void udpair_operation_cancel(const udpair_operation *operation);

/**
 * Releases the result of an operation that has ended. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if it has not ended.
 */
udpair_hresult udpair_operation_close(const udpair_operation *operation);

/**
 * Waits for an operation on the calling thread, and returns the error with which it has ended, or 0.
 * Any thread, also one that runs a callback.
 */
udpair_hresult udpair_operation_wait(const udpair_operation *operation);

/**
 * Sets the function that is called once when an operation has ended: at once if it has ended, and
 * otherwise on a thread of the library, where it may block. Any thread.
 *
 * Errors: E_ILLEGAL_DELEGATE_ASSIGNMENT if one was set before, E_ILLEGAL_METHOD_CALL if the operation
 * was closed.
 */
udpair_hresult udpair_operation_set_completed(const udpair_operation *operation,
                                              udpair_completed_fn completed,
                                              void *context,
                                              udpair_destroy_fn destroy);

/**
 * Calls a function once when an operation has ended, on a thread of the library, where it may block.
 * Any number of functions may wait so, beside that of udpair_operation_set_completed. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_operation_when_ended(const udpair_operation *operation,
                                           udpair_completed_fn completed,
                                           void *context,
                                           udpair_destroy_fn destroy);

/**
 * Sets the function that is called with the progress of an operation, and replaces an earlier one.
 * The calls come one after another, on threads of the library, and may block. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the operation was closed.
 */
udpair_hresult udpair_operation_set_progress(const udpair_operation *operation,
                                             udpair_progress_fn progress,
                                             void *context,
                                             udpair_destroy_fn destroy);

/**
 * Checks that an operation has completed. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if it has not ended or was closed, and the error with which it ended.
 */
udpair_hresult udpair_operation_results(const udpair_operation *operation);

/**
 * Writes the number that an operation has as its result: bytes that were read, loaded, written or
 * stored; 1 or 0 of a flush that has or has not succeeded. Any thread.
 *
 * Errors: those of udpair_operation_results; E_INVALIDARG if the result is no number.
 */
udpair_hresult udpair_operation_result_number(const udpair_operation *operation, uint32_t *number);

/**
 * Writes a new reference to the object that an operation has as its result, which is the caller's;
 * NULL if there is none. Any thread.
 *
 * Errors: those of udpair_operation_results; E_INVALIDARG if the result is no object.
 */
udpair_hresult udpair_operation_result_object(const udpair_operation *operation, void **object);

/**
 * Makes an operation that the program performs, and what ends it. Both are the caller's. If the
 * last reference to the completer is released before, the operation ends with
 * ERROR_OPERATION_ABORTED. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_operation_pending(udpair_operation **operation, udpair_completer **completer);

/**
 * Ends the operation of a completer: `code` is 0, or an HRESULT with its text. Later calls are
 * ignored. Any thread.
 */
void udpair_completer_complete(const udpair_completer *completer,
                               udpair_hresult code,
                               udpair_text message);

/**
 * Sets the function that is called when the operation of a completer is cancelled, before it ends;
 * at once if that has happened. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_completer_on_cancel(const udpair_completer *completer,
                                          udpair_run_fn cancelled,
                                          void *context,
                                          udpair_destroy_fn destroy);

/**
 * Writes the text of the error with which an operation has ended to `message`, which the caller
 * frees with udpair_string_free; empty if there is none. Any thread.
 */
void udpair_operation_error_message(const udpair_operation *operation, udpair_string *message);

/**
 * Frees text that a function has given. A text without data is ignored. Any thread.
 */
void udpair_string_free(udpair_string text);

/**
 * Makes a reader that owns a stream, which is the caller's. Nothing is loaded yet. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_reader_new(const udpair_input_stream *stream, udpair_reader **out);

/**
 * Makes a reader of the bytes of a buffer that are in use now, which is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_reader_from_buffer(const udpair_buffer *buffer, udpair_reader **out);

/**
 * Writes the byte order: 0 little-endian, 1 big-endian. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_reader_byte_order(const udpair_reader *reader, int32_t *out);

/**
 * Sets the byte order of what is read from now on. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
 */
udpair_hresult udpair_reader_set_byte_order(const udpair_reader *reader, int32_t order);

/**
 * Writes the encoding of text: 0 UTF-8, 1 UTF-16LE, 2 UTF-16BE. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_reader_unicode_encoding(const udpair_reader *reader, int32_t *out);

/**
 * Sets the encoding of the text that is read from now on. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
 */
udpair_hresult udpair_reader_set_unicode_encoding(const udpair_reader *reader, int32_t value);

/**
 * Writes when a load completes, as InputStreamOptions. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_reader_input_stream_options(const udpair_reader *reader, uint32_t *out);

/**
 * Sets when loads from now on complete. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG for an unknown bit.
 */
udpair_hresult udpair_reader_set_input_stream_options(const udpair_reader *reader,
                                                      uint32_t options);

/**
 * Writes the number of unread bytes. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_reader_unconsumed_buffer_length(const udpair_reader *reader, uint32_t *out);

/**
 * Appends up to `count` bytes of the stream to those that are unread. The result is their number.
 * The operation is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while another load is pending; E_ILLEGAL_METHOD_CALL
 * if the reader has no stream. The operation has the others.
 */
udpair_hresult udpair_reader_load(const udpair_reader *reader,
                                  uint32_t count,
                                  udpair_operation **out);

/**
 * Takes the unread bytes as a buffer, which is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_detach_buffer(const udpair_reader *reader, udpair_buffer **out);

/**
 * Takes the stream, which is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a load is pending; E_ILLEGAL_METHOD_CALL if
 * there is none.
 */
udpair_hresult udpair_reader_detach_stream(const udpair_reader *reader, udpair_input_stream **out);

/**
 * Closes a reader, and the stream that it owns. Any thread.
 */
void udpair_reader_close(const udpair_reader *reader);

/**
 * Reads one byte: zero is false. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_bool(const udpair_reader *reader, bool *out);

/**
 * Reads one byte. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_u8(const udpair_reader *reader, uint8_t *out);

/**
 * Reads an integer of 2 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_u16(const udpair_reader *reader, uint16_t *out);

/**
 * Reads an integer of 4 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_u32(const udpair_reader *reader, uint32_t *out);

/**
 * Reads an integer of 8 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_u64(const udpair_reader *reader, uint64_t *out);

/**
 * Reads a floating-point number of 4 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_f32(const udpair_reader *reader, float *out);

/**
 * Reads a floating-point number of 8 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_f64(const udpair_reader *reader, double *out);

/**
 * Reads a GUID: 16 bytes, of which the first three fields are in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_guid(const udpair_reader *reader, udpair_guid *out);

/**
 * Reads `length` bytes to `data`. If that fails, they stay as they are. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_bytes(const udpair_reader *reader, uint8_t *data, size_t length);

/**
 * Reads `length` bytes as a new buffer, which is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_INVALID_OPERATION while a load is pending.
 */
udpair_hresult udpair_reader_read_buffer(const udpair_reader *reader,
                                         uint32_t length,
                                         udpair_buffer **out);

/**
 * Reads text of `code_units` code units of the encoding, which the caller frees. Any thread.
 *
 * Errors: RO_E_CLOSED; E_BOUNDS; ERROR_NO_UNICODE_TRANSLATION; ERROR_INVALID_OPERATION while a load
 * is pending.
 */
udpair_hresult udpair_reader_read_string(const udpair_reader *reader,
                                         uint32_t code_units,
                                         udpair_string *out);

/**
 * Makes a resolver, which is the caller's. Any thread.
 *
 * `dns_servers` are `count` addresses, such as "192.0.2.1" or "192.0.2.1:5353", which are asked in place
 * of the system; none is the system. `services` is the text of a services file in place of the
 * system's; without data, it is the system's.
 *
 * Errors: E_INVALIDARG if a server is no address.
 */
udpair_hresult udpair_resolver_new(const udpair_text *dns_servers,
                                   size_t count,
                                   udpair_text services,
                                   udpair_resolver **out);

/**
 * Makes a socket that is not open yet, which is the caller's. Names are looked up by `resolver`, or
 * by the system if it is NULL. Any thread.
 *
 * Errors: E_INVALIDARG if `out` is NULL.
 */
udpair_hresult udpair_socket_new(const udpair_resolver *resolver, udpair_socket **out);

/**
 * Writes the options of a socket, which are the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_socket_control(const udpair_socket *socket, udpair_control **out);

/**
 * Writes the addresses and ports of a socket, which are the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_socket_information(const udpair_socket *socket, udpair_information **out);

/**
 * Binds a socket to a local host and service: without a host to all addresses, with an empty service
 * to a port that the system chooses. The operation is the caller's. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG; RO_E_CLOSED. The operation has the
 * others.
 */
udpair_hresult udpair_socket_bind_endpoint(const udpair_socket *socket,
                                           const udpair_host_name *local_host_name,
                                           udpair_text local_service_name,
                                           udpair_operation **out);

/**
 * Binds a socket to a service on one adapter, or on all addresses if it is NULL. The operation is the
 * caller's. Any thread.
 *
 * Errors: those of udpair_socket_bind_endpoint.
 */
udpair_hresult udpair_socket_bind_service_name(const udpair_socket *socket,
                                               udpair_text local_service_name,
                                               const udpair_adapter *adapter,
                                               udpair_operation **out);

/**
 * Connects a socket to a remote host and service. The operation is the caller's. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is connected or being opened; E_INVALIDARG; RO_E_CLOSED.
 * The operation has the others.
 */
udpair_hresult udpair_socket_connect(const udpair_socket *socket,
                                     const udpair_host_name *remote_host_name,
                                     udpair_text remote_service_name,
                                     udpair_operation **out);

/**
 * Connects a socket by an endpoint pair: binds it to the local end, and lets only datagrams of the
 * remote end in. The operation is the caller's. Any thread.
 *
 * Errors: those of udpair_socket_connect.
 */
udpair_hresult udpair_socket_connect_pair(const udpair_socket *socket,
                                          const udpair_endpoint_pair *endpoint_pair,
                                          udpair_operation **out);

/**
 * Writes the stream to the peer, which is the caller's: the same one each time. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_socket_output_stream(const udpair_socket *socket, udpair_output_stream **out);

/**
 * Makes a stream to a remote host and service: the result is a udpair_output_stream. The operation is
 * the caller's. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL while the socket is being opened; E_INVALIDARG; RO_E_CLOSED. The
 * operation has the others.
 */
udpair_hresult udpair_socket_output_stream_to(const udpair_socket *socket,
                                              const udpair_host_name *remote_host_name,
                                              udpair_text remote_service_name,
                                              udpair_operation **out);

/**
 * Makes a stream to the remote end of a pair, and binds the socket to its local end: the result is a
 * udpair_output_stream. The operation is the caller's. Any thread.
 *
 * Errors: those of udpair_socket_output_stream_to.
 */
udpair_hresult udpair_socket_output_stream_to_pair(const udpair_socket *socket,
                                                   const udpair_endpoint_pair *endpoint_pair,
                                                   udpair_operation **out);

/**
 * Joins a multicast group. This waits while a name is looked up. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is not bound, or is connected; E_INVALIDARG if it is
 * the address of no group; RO_E_CLOSED; the system's own.
 */
udpair_hresult udpair_socket_join_multicast_group(const udpair_socket *socket,
                                                  const udpair_host_name *host_name);

/**
 * Ends all operations of a socket that are under way, and stops receiving. The operation is the
 * caller's, and ends when they all have. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is not open; RO_E_CLOSED.
 */
udpair_hresult udpair_socket_cancel_io(const udpair_socket *socket, udpair_operation **out);

/**
 * Closes a socket. Operations that are under way fail with ERROR_OPERATION_ABORTED, no callback for
 * messages starts after this, and the port is free. Any thread, callbacks too.
 */
void udpair_socket_close(const udpair_socket *socket);

/**
 * Calls a function for each message of a socket, until the token that is written is given to
 * udpair_socket_remove_message_received. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open already; RO_E_CLOSED.
 */
udpair_hresult udpair_socket_add_message_received(const udpair_socket *socket,
                                                  udpair_received_fn received,
                                                  void *context,
                                                  udpair_destroy_fn destroy,
                                                  int64_t *token);

/**
 * Removes a function that was added: it gets no message that comes after this. An unknown token is
 * ignored. Any thread, callbacks too.
 */
void udpair_socket_remove_message_received(const udpair_socket *socket, int64_t token);

/**
 * Receives by one function that is called for all messages that have arrived, in place of those that
 * were added, which are not called. A call that has begun when the socket is closed is finished. Any
 * thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open already; RO_E_CLOSED.
 */
udpair_hresult udpair_socket_receive_batches(const udpair_socket *socket,
                                             udpair_batch_fn received,
                                             void *context,
                                             udpair_destroy_fn destroy);

/**
 * Lists the endpoint pairs by which a remote host and service can be reached, the best first: the
 * result is a udpair_list of udpair_endpoint_pair. `resolver` is NULL for the system's; `sort_options`
 * is 0 for a quick connection and 2 for a long one. The operation is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG. The operation has the others.
 */
udpair_hresult udpair_endpoint_pairs(const udpair_resolver *resolver,
                                     const udpair_host_name *remote_host_name,
                                     udpair_text remote_service_name,
                                     uint32_t sort_options,
                                     udpair_operation **out);

/**
 * Ties a socket to a background task. `action` is 0, or 1 to wake the machine. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG if the id is all zeros;
 * RO_E_CLOSED.
 */
udpair_hresult udpair_socket_enable_transfer_ownership(const udpair_socket *socket,
                                                       udpair_guid task_id,
                                                       int32_t action);

/**
 * Hands a socket over to the socket broker. No system has one yet. `data` may be NULL;
 * `keep_alive_ticks` are units of 100 nanoseconds. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is not open, or was not enabled before; E_INVALIDARG if
 * the id is empty; RO_E_CLOSED; E_NOTIMPL.
 */
udpair_hresult udpair_socket_transfer_ownership(const udpair_socket *socket,
                                                udpair_text socket_id,
                                                const udpair_buffer *data,
                                                uint64_t keep_alive_ticks);

/**
 * Writes whether fragmentation is off. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_control_dont_fragment(const udpair_control *control, bool *out);

/**
 * Sets whether fragmentation is off. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; RO_E_CLOSED.
 */
udpair_hresult udpair_control_set_dont_fragment(const udpair_control *control, bool value);

/**
 * Writes the size of the receive buffer in bytes. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_control_inbound_buffer_size_in_bytes(const udpair_control *control,
                                                           uint32_t *out);

/**
 * Sets the size of the receive buffer in bytes. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG for 0 or more than 2,147,483,647;
 * RO_E_CLOSED.
 */
udpair_hresult udpair_control_set_inbound_buffer_size_in_bytes(const udpair_control *control,
                                                               uint32_t value);

/**
 * Writes whether the socket receives only multicasts and broadcasts, and shares its port. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_control_multicast_only(const udpair_control *control,
                                             bool *out);

/**
 * Sets whether the socket receives only multicasts and broadcasts, and shares its port. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; RO_E_CLOSED.
 */
udpair_hresult udpair_control_set_multicast_only(const udpair_control *control, bool value);

/**
 * Writes the hop limit of datagrams to one host. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_control_outbound_unicast_hop_limit(const udpair_control *control,
                                                         uint8_t *out);

/**
 * Sets the hop limit of datagrams that are sent to one host from now on. Any thread.
 *
 * Errors: E_INVALIDARG for 0; RO_E_CLOSED.
 */
udpair_hresult udpair_control_set_outbound_unicast_hop_limit(const udpair_control *control,
                                                             uint8_t value);

/**
 * Writes how the system treats the socket's datagrams: 0 normally, 1 with priority. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_control_quality_of_service(const udpair_control *control, int32_t *out);

/**
 * Sets how the system treats the socket's datagrams. Any thread.
 *
 * Errors: E_ILLEGAL_METHOD_CALL if the socket is open; E_INVALIDARG for an unknown number;
 * RO_E_CLOSED.
 */
udpair_hresult udpair_control_set_quality_of_service(const udpair_control *control, int32_t value);

/**
 * Writes the local address, which is the caller's; NULL if the socket is not open. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_information_local_address(const udpair_information *information,
                                                udpair_host_name **out);

/**
 * Writes the local port in decimal digits, which the caller frees; empty if the socket is not open.
 * Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_information_local_port(const udpair_information *information,
                                             udpair_string *out);

/**
 * Writes the address of the peer, which is the caller's; NULL unless the socket is connected. Any
 * thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_information_remote_address(const udpair_information *information,
                                                 udpair_host_name **out);

/**
 * Writes the port of the peer in decimal digits, which the caller frees; empty unless the socket is
 * connected. Any thread.
 *
 * Errors: E_INVALIDARG if an argument is NULL.
 */
udpair_hresult udpair_information_remote_port(const udpair_information *information,
                                              udpair_string *out);

/**
 * Writes bytes as one datagram; they are copied. The result is their number. The operation is the
 * caller's; without a place for it, the write goes on alone. Any thread.
 *
 * Errors: RO_E_CLOSED; E_ILLEGAL_METHOD_CALL if the socket is not connected and the stream is that to
 * its peer. The operation has the others.
 */
udpair_hresult udpair_output_stream_write(const udpair_output_stream *stream,
                                          udpair_bytes bytes,
                                          udpair_operation **out);

/**
 * Waits for the writes before it. The result is 1 if they all have succeeded, otherwise 0. The
 * operation is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED. The operation has the others.
 */
udpair_hresult udpair_output_stream_flush(const udpair_output_stream *stream,
                                          udpair_operation **out);

/**
 * Closes a stream: pending writes and later calls fail. Any thread.
 */
void udpair_output_stream_close(const udpair_output_stream *stream);

/**
 * Makes a stream of a copy of these bytes, which is the caller's. It ends after them. Any thread.
 *
 * Errors: E_INVALIDARG if `out` is NULL.
 */
udpair_hresult udpair_input_stream_of(udpair_bytes bytes, udpair_input_stream **out);

/**
 * Reads up to `count` bytes into a buffer. `options` are InputStreamOptions. The result is the
 * buffer. The operation is the caller's, and keeps the buffer. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG if `count` is more than the capacity. The operation has the
 * others.
 */
udpair_hresult udpair_input_stream_read(const udpair_input_stream *stream,
                                        const udpair_buffer *buffer,
                                        uint32_t count,
                                        uint32_t options,
                                        udpair_operation **out);

/**
 * Closes a stream: pending reads and later calls fail. Any thread.
 */
void udpair_input_stream_close(const udpair_input_stream *stream);

/**
 * Makes a writer that owns a stream, or none if it is NULL. The writer is the caller's. Any thread.
 *
 * Errors: E_INVALIDARG if `out` is NULL.
 */
udpair_hresult udpair_writer_new(const udpair_output_stream *stream, udpair_writer **out);

/**
 * Writes the byte order: 0 little-endian, 1 big-endian. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_writer_byte_order(const udpair_writer *writer, int32_t *out);

/**
 * Sets the byte order of what is written from now on. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
 */
udpair_hresult udpair_writer_set_byte_order(const udpair_writer *writer, int32_t order);

/**
 * Writes the encoding of text: 0 UTF-8, 1 UTF-16LE, 2 UTF-16BE. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_writer_unicode_encoding(const udpair_writer *writer, int32_t *out);

/**
 * Sets the encoding of the text that is written from now on. Any thread.
 *
 * Errors: RO_E_CLOSED; E_INVALIDARG for an unknown number.
 */
udpair_hresult udpair_writer_set_unicode_encoding(const udpair_writer *writer, int32_t value);

/**
 * Writes the number of bytes that are neither stored nor detached. Any thread.
 *
 * Errors: RO_E_CLOSED.
 */
udpair_hresult udpair_writer_unstored_buffer_length(const udpair_writer *writer, uint32_t *out);

/**
 * Writes the number of code units that text has in the present encoding. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY.
 */
udpair_hresult udpair_writer_measure_string(const udpair_writer *writer,
                                            udpair_text text,
                                            uint32_t *out);

/**
 * Writes everything that is unstored to the stream, in one write. The result is the number of bytes.
 * The operation is the caller's; without a place for it, the store goes on alone. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while another store is pending;
 * E_ILLEGAL_METHOD_CALL if the writer has no stream, or the socket is not connected. The operation
 * has the others.
 */
udpair_hresult udpair_writer_store(const udpair_writer *writer,
                                   udpair_operation **out);

/**
 * Flushes the stream. The result is 1 if everything that was stored could be written, otherwise 0.
 * The operation is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED. The operation has the others.
 */
udpair_hresult udpair_writer_flush(const udpair_writer *writer, udpair_operation **out);

/**
 * Takes everything that is unstored as a buffer, which is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_detach_buffer(const udpair_writer *writer, udpair_buffer **out);

/**
 * Takes the stream, which is the caller's. Any thread.
 *
 * Errors: RO_E_CLOSED; ERROR_INVALID_OPERATION while a store is pending; E_ILLEGAL_METHOD_CALL if
 * there is none.
 */
udpair_hresult udpair_writer_detach_stream(const udpair_writer *writer, udpair_output_stream **out);

/**
 * Closes a writer, and the stream that it owns. Any thread.
 */
void udpair_writer_close(const udpair_writer *writer);

/**
 * Writes one byte: 1 for true, 0 for false. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_bool(const udpair_writer *writer, bool value);

/**
 * Writes one byte. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_u8(const udpair_writer *writer, uint8_t value);

/**
 * Writes an integer of 2 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_u16(const udpair_writer *writer, uint16_t value);

/**
 * Writes an integer of 4 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_u32(const udpair_writer *writer, uint32_t value);

/**
 * Writes an integer of 8 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_u64(const udpair_writer *writer, uint64_t value);

/**
 * Writes a floating-point number of 4 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_f32(const udpair_writer *writer, float value);

/**
 * Writes a floating-point number of 8 bytes in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_f64(const udpair_writer *writer, double value);

/**
 * Writes a GUID: 16 bytes, of which the first three fields are in the byte order. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_guid(const udpair_writer *writer, udpair_guid value);

/**
 * Writes bytes. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_bytes(const udpair_writer *writer, udpair_bytes bytes);

/**
 * Writes the bytes of a buffer that are in use. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_buffer(const udpair_writer *writer, const udpair_buffer *buffer);

/**
 * Writes `count` bytes of a buffer from `start` on. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending; E_INVALIDARG
 * if that is beyond the length of the buffer.
 */
udpair_hresult udpair_writer_write_buffer_range(const udpair_writer *writer,
                                                const udpair_buffer *buffer,
                                                uint32_t start,
                                                uint32_t count);

/**
 * Writes text, and the number of its code units to `out`. Any thread.
 *
 * Errors: RO_E_CLOSED; E_OUTOFMEMORY; ERROR_INVALID_OPERATION while a store is pending.
 */
udpair_hresult udpair_writer_write_string(const udpair_writer *writer,
                                          udpair_text text,
                                          uint32_t *out);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* UDPAIR_H */
