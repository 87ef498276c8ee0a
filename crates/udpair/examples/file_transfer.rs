//! Sends a file over UDP, at a steady rate and although some datagrams are lost.
//!
//! `cargo run --example file_transfer -- receive :7000 copy.bin`
//! `cargo run --example file_transfer -- send file.bin contoso.com:7000 100` (Mbit/s)
//!
//! The sender offers the file and paces its chunks with a token bucket. The receiver acknowledges
//! them selectively, so that only those that were lost are sent again, and checks the whole file
//! before it gets its name. Every packet begins with its type and the number of the transfer.

use std::error::Error;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant, SystemTime};

use tokio::time::timeout;
use udpair::{DatagramSocket, PeerErrors, Request};

/// Fits into every path of IPv6 (RFC 8200, section 5: 1280 bytes, with 48 for both headers).
const CHUNK_BYTES: usize = 1200;
/// How many chunks may be on their way: as many as one acknowledgement has bits for.
const WINDOW: usize = 2048;
/// A chunk is lost if one that was sent this much later has arrived: networks reorder a little.
const REORDERED: u64 = 3;
/// The receiver acknowledges at least every so many chunks.
const CHUNKS_PER_STATUS: u32 = 16;
/// The same while a chunk is missing, so that it is sent again soon.
const CHUNKS_PER_STATUS_IN_GAP: u32 = 4;
const RESEND_AFTER: Duration = Duration::from_millis(200);
const GIVE_UP_AFTER: Duration = Duration::from_secs(10);

/// From the sender: the size of the file and its checksum.
const OFFER: u8 = 1;
/// From the sender: the number of a chunk, and its bytes.
const DATA: u8 = 2;
/// From the receiver: the first chunk that is missing, and a bit for each one after it.
const STATUS: u8 = 3;
/// From the receiver: whether the file is complete and right.
const DONE: u8 = 4;

type Outcome<T> = Result<T, Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["send", file, remote] => send(file, remote, 100.0).await,
        ["send", file, remote, rate] => send(file, remote, rate.parse()?).await,
        ["receive", local, file] => receive(local, file).await,
        _ => Err("usage: send FILE HOST:SERVICE [MBIT/S], or receive [HOST]:SERVICE FILE".into()),
    }
}

async fn send(path: &str, remote: &str, megabits: f64) -> Outcome<()> {
    let mut file = File::open(path)?;
    let (size, checksum) = measure(&mut file)?;
    // A receiver that is not there is an error, not a silence.
    let builder = DatagramSocket::builder().peer_errors(PeerErrors::FailRecv);
    let socket = builder.connect(remote).await?;
    let output = socket.output()?;
    let started = Instant::now();
    let id = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let id = (id.as_nanos() as u64 ^ u64::from(std::process::id())).to_be_bytes();

    let offer = [
        &[OFFER],
        &id[..],
        &size.to_be_bytes(),
        &checksum.to_be_bytes(),
    ]
    .concat();
    let request = Request::new(offer)
        .wait(RESEND_AFTER)
        .retries(8)
        .accept(move |message| packet(message.payload(), id).is_some());
    let mut reply = Some(socket.ask(&request).await?);

    let mut chunks = Chunks::new(size);
    let mut bucket = Bucket::new(megabits * 1_000_000.0 / 8.0);
    let mut heard = Instant::now();
    loop {
        if let Some(message) = reply.take() {
            match packet(message.payload(), id) {
                Some((DONE, [1])) => break,
                Some((DONE, _)) => return Err("the receiver has got another file".into()),
                Some((STATUS, status)) => chunks.acknowledge(status),
                _ => {}
            }
            heard = Instant::now();
        }
        let Some(number) = chunks.next() else {
            // Nothing may be sent: the window is full, or all that remains is the last word.
            match timeout(RESEND_AFTER, socket.recv()).await {
                Ok(message) => reply = Some(message?),
                Err(_) if heard.elapsed() > GIVE_UP_AFTER => return Err("no reply".into()),
                Err(_) => chunks.resend_first(),
            }
            continue;
        };
        let mut data = [&[DATA], &id[..], &number.to_be_bytes()].concat();
        let head = data.len();
        data.resize(head + chunk_length(size, number), 0);
        file.seek(SeekFrom::Start(u64::from(number) * CHUNK_BYTES as u64))?;
        file.read_exact(&mut data[head..])?;
        // What arrives while it waits for the bucket is looked at in between.
        while let Some(pause) = bucket.pause(data.len()) {
            if let Ok(message) = timeout(pause, socket.recv()).await {
                reply = Some(message?);
                break;
            }
        }
        if reply.is_some() {
            continue;
        }
        output.write(&data).await?;
        bucket.take(data.len());
        chunks.sent(number);
        reply = socket.try_recv()?;
    }
    println!(
        "sent {size} bytes in {:?}, {} of {} chunks again, checksum {checksum:016x}",
        started.elapsed(),
        chunks.sent_again,
        chunks.count,
    );
    Ok(())
}

async fn receive(local: &str, path: &str) -> Outcome<()> {
    let builder = DatagramSocket::builder().inbound_buffer_bytes(4 << 20);
    let socket = builder.bind(local).await?;
    println!("{}", socket.local_addr().expect("it is open"));
    std::io::stdout().flush()?;

    let (id, size, checksum) = loop {
        let message = socket.recv().await?;
        if let Some(offer) = offer(message.payload()) {
            // From now on, only this sender is received.
            socket.connect(message.remote()).await?;
            break offer;
        }
    };
    let part = format!("{path}.part");
    let mut file = File::create(&part)?;
    file.set_len(size)?;
    let output = socket.output()?;
    let mut chunks = Chunks::new(size);
    let mut unacknowledged = 0;
    // The first answer is to the offer.
    while !chunks.is_complete() {
        if unacknowledged == 0 {
            output.write(&status(id, &chunks)).await?;
        }
        let message = timeout(GIVE_UP_AFTER, socket.recv()).await;
        let message = message.map_err(|_| "the sender is silent")??;
        let Some((DATA, data)) = packet(message.payload(), id) else {
            // The answer to the offer was lost.
            unacknowledged = 0;
            continue;
        };
        let Some((number, bytes)) = data.split_first_chunk::<4>() else {
            continue;
        };
        let number = u32::from_be_bytes(*number);
        let is_new = (number as usize) < chunks.count && !chunks.has(number);
        if is_new && bytes.len() == chunk_length(size, number) {
            file.seek(SeekFrom::Start(u64::from(number) * CHUNK_BYTES as u64))?;
            file.write_all(bytes)?;
            let is_in_order = number as usize == chunks.first_missing;
            chunks.arrived(number);
            unacknowledged += 1;
            let limit = if is_in_order {
                CHUNKS_PER_STATUS
            } else {
                CHUNKS_PER_STATUS_IN_GAP
            };
            if unacknowledged >= limit {
                unacknowledged = 0;
            }
        } else {
            // The sender does not know yet.
            unacknowledged = 0;
        }
    }
    drop(file);
    let found = measure(&mut File::open(&part)?)?;
    let is_right = found == (size, checksum);
    let done = [&[DONE], &id[..], &[u8::from(is_right)]].concat();
    output.write(&done).await?;
    // The last word may be lost, and the sender then sends something again.
    while let Ok(message) = timeout(RESEND_AFTER * 5, socket.recv()).await {
        message?;
        output.write(&done).await?;
    }
    if !is_right {
        fs::remove_file(&part)?;
        return Err(format!("checksum {:016x} instead of {checksum:016x}", found.1).into());
    }
    fs::rename(&part, path)?;
    println!("received {size} bytes, checksum {checksum:016x}");
    Ok(())
}

/// Returns the type and the content of a packet of this transfer.
fn packet(bytes: &[u8], id: [u8; 8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    Some((*kind, rest.strip_prefix(&id)?))
}

/// Reads an offer: the number of the transfer, the size of the file, and its checksum.
fn offer(bytes: &[u8]) -> Option<([u8; 8], u64, u64)> {
    let (id, rest) = bytes.strip_prefix(&[OFFER])?.split_first_chunk()?;
    let (size, rest) = rest.split_first_chunk()?;
    let (checksum, _) = rest.split_first_chunk()?;
    Some((
        *id,
        u64::from_be_bytes(*size),
        u64::from_be_bytes(*checksum),
    ))
}

/// Returns an acknowledgement of what has arrived.
fn status(id: [u8; 8], chunks: &Chunks) -> Vec<u8> {
    let mut bits = vec![0_u8; WINDOW / 8];
    for (at, is_here) in chunks.after_first_missing() {
        bits[at / 8] |= u8::from(is_here) << (at % 8);
    }
    let first = (chunks.first_missing as u32).to_be_bytes();
    [&[STATUS], &id[..], &first, &bits].concat()
}

fn chunk_length(size: u64, number: u32) -> usize {
    let left = size - u64::from(number) * CHUNK_BYTES as u64;
    left.min(CHUNK_BYTES as u64) as usize
}

/// The chunks of a file: which have arrived, and for the sender, when each was sent last.
struct Chunks {
    count: usize,
    has_arrived: Vec<bool>,
    /// All before this one have arrived.
    first_missing: usize,
    /// At which place of everything that was sent; 0 if it is to be sent.
    sent_as: Vec<u64>,
    sends: u64,
    /// The latest place of a chunk that has arrived.
    arrived_as: u64,
    /// All from here on were never sent.
    first_unsent: usize,
    sent_again: u64,
}

impl Chunks {
    fn new(size: u64) -> Self {
        let count = size.div_ceil(CHUNK_BYTES as u64) as usize;
        Self {
            count,
            has_arrived: vec![false; count],
            first_missing: 0,
            sent_as: vec![0; count],
            sends: 0,
            arrived_as: 0,
            first_unsent: 0,
            sent_again: 0,
        }
    }

    fn has(&self, number: u32) -> bool {
        self.has_arrived[number as usize]
    }

    fn is_complete(&self) -> bool {
        self.first_missing == self.count
    }

    fn arrived(&mut self, number: u32) {
        let number = number as usize;
        self.has_arrived[number] = true;
        self.arrived_as = self.arrived_as.max(self.sent_as[number]);
        while self.has_arrived.get(self.first_missing) == Some(&true) {
            self.first_missing += 1;
        }
    }

    /// Returns the chunks after the first that is missing, as far as an acknowledgement goes.
    fn after_first_missing(&self) -> impl Iterator<Item = (usize, bool)> {
        let after = self.has_arrived.iter().skip(self.first_missing + 1);
        after.copied().take(WINDOW).enumerate()
    }

    /// Notes what a receiver has acknowledged.
    fn acknowledge(&mut self, status: &[u8]) {
        let Some((first, bits)) = status.split_first_chunk::<4>() else {
            return;
        };
        let first = u32::from_be_bytes(*first) as usize;
        let later = (0..bits.len() * 8).filter(|at| bits[at / 8] >> (at % 8) & 1 == 1);
        let all = (self.first_missing..first).chain(later.map(|at| first + 1 + at));
        for number in all.collect::<Vec<_>>() {
            if self.has_arrived.get(number) == Some(&false) {
                self.arrived(number as u32);
            }
        }
    }

    /// Returns the chunk to send next: one that was lost, or one that is new. `None` if nothing may
    /// be sent now.
    fn next(&self) -> Option<u32> {
        let end = self.count.min(self.first_missing + WINDOW);
        let is_lost = |number: &usize| {
            let is_late = self.sent_as[*number] + REORDERED < self.arrived_as;
            !self.has_arrived[*number] && is_late
        };
        let mut sent = self.first_missing..self.first_unsent.min(end);
        let lost = sent.find(is_lost);
        let number = lost.or((self.first_unsent < end).then_some(self.first_unsent))?;
        Some(number as u32)
    }

    fn sent(&mut self, number: u32) {
        let number = number as usize;
        self.sends += 1;
        self.sent_as[number] = self.sends;
        if number < self.first_unsent {
            self.sent_again += 1;
        }
        self.first_unsent = self.first_unsent.max(number + 1);
    }

    /// Makes the first missing chunk one to send, or the last one if none is missing: the receiver
    /// repeats its last word.
    fn resend_first(&mut self) {
        if self.count == 0 {
            return;
        }
        let number = self.first_missing.min(self.count - 1);
        self.has_arrived[number] = false;
        self.first_missing = number;
        self.sent_as[number] = 0;
        self.arrived_as = self.arrived_as.max(REORDERED + 1);
    }
}

/// A token bucket: what was not sent in time may be sent at once, but not more than a burst.
struct Bucket {
    bytes_per_second: f64,
    bytes: f64,
    filled: Instant,
}

impl Bucket {
    const BURST_BYTES: f64 = 16.0 * 1024.0;

    fn new(bytes_per_second: f64) -> Self {
        Self {
            bytes_per_second,
            bytes: Self::BURST_BYTES,
            filled: Instant::now(),
        }
    }

    /// Returns how long to wait before this many bytes may be sent; `None` if they may be sent now.
    fn pause(&mut self, bytes: usize) -> Option<Duration> {
        let now = Instant::now();
        let since = now.duration_since(self.filled).as_secs_f64();
        self.bytes = (self.bytes + since * self.bytes_per_second).min(Self::BURST_BYTES);
        self.filled = now;
        let missing = bytes as f64 - self.bytes;
        (missing > 0.0).then(|| Duration::from_secs_f64(missing / self.bytes_per_second))
    }

    fn take(&mut self, bytes: usize) {
        self.bytes -= bytes as f64;
    }
}

/// Returns the size of a file and its checksum: CRC-64 (ECMA-182).
fn measure(file: &mut File) -> std::io::Result<(u64, u64)> {
    let mut table = [0_u64; 256];
    for (byte, entry) in (0_u64..).zip(&mut table) {
        *entry = (0..8).fold(byte << 56, |crc, _| {
            let polynomial = if crc >> 63 == 1 {
                0x42F0_E1EB_A9EA_3693
            } else {
                0
            };
            (crc << 1) ^ polynomial
        });
    }
    let (mut size, mut crc) = (0, 0_u64);
    let mut buffer = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok((size, crc));
        }
        size += length as u64;
        for byte in &buffer[..length] {
            crc = (crc << 8) ^ table[usize::from((crc >> 56) as u8 ^ byte)];
        }
    }
}
