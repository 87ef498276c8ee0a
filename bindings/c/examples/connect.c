/* Connects to a host and a service by their names, sends one datagram and prints the reply.
 *
 *     connect HOST SERVICE TEXT [NAME-SERVER]
 */
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <udpair.h>

static sem_t has_come;

static void check(udpair_hresult code, const char *what) {
  if (code < 0) {
    udpair_string message = {0};
    udpair_error_message(&message);
    fprintf(stderr, "%s: %s (0x%08x)\n", what, message.data, (unsigned)code);
    exit(1);
  }
}

static udpair_text text(const char *argument) {
  return (udpair_text){argument, argument ? strlen(argument) : 0};
}

static void received(void *context, const udpair_datagram *datagrams, size_t count) {
  (void)context;
  for (size_t index = 0; index < count; ++index)
    printf("%.*s\n", (int)datagrams[index].length, (const char *)datagrams[index].data);
  sem_post(&has_come);
}

int main(int count, char **arguments) {
  udpair_resolver *resolver = NULL;
  udpair_socket *socket = NULL;
  udpair_host_name *host = NULL;
  udpair_operation *connect = NULL, *write = NULL;
  udpair_output_stream *stream = NULL;

  if (count < 4) return 2;
  sem_init(&has_come, 0, 0);
  if (count > 4) { /* a name server in place of the system's, and no list of services */
    udpair_text server = text(arguments[4]);
    check(udpair_resolver_new(&server, 1, UDPAIR_TEXT(""), &resolver), "resolver");
  }
  check(udpair_socket_new(resolver, &socket), "socket");
  check(udpair_socket_receive_batches(socket, received, NULL, NULL), "handler");
  check(udpair_host_name_new(text(arguments[1]), &host), "host");
  check(udpair_socket_connect(socket, host, text(arguments[2]), &connect), "connect");
  check(udpair_operation_wait(connect), "connect");
  check(udpair_socket_output_stream(socket, &stream), "stream");
  udpair_bytes bytes = {(const uint8_t *)arguments[3], strlen(arguments[3])};
  check(udpair_output_stream_write(stream, bytes, &write), "write");
  check(udpair_operation_wait(write), "write");
  sem_wait(&has_come);

  const void *objects[] = {write, stream, connect, host, socket, resolver};
  for (size_t index = 0; index < 6; ++index) udpair_release(objects[index]);
  return 0;
}
