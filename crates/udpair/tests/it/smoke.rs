use udpair::*;
#[tokio::test]
async fn roundtrip() {
    for engine in engines() {
        let server = DatagramSocket::builder()
            .engine(*engine)
            .bind(&"127.0.0.1:0".parse().unwrap())
            .await
            .unwrap();
        let pair = EndpointPair::from(server.local_addr().unwrap());
        let client = DatagramSocket::builder()
            .engine(*engine)
            .connect(&pair)
            .await
            .unwrap();
        client.output().unwrap().write(b"ping").await.unwrap();
        let m = server.recv().await.unwrap();
        println!("{m:?}");
        server.send_to(b"pong", m.remote()).await.unwrap();
        println!("{:?}", client.recv().await.unwrap());
        server.close();
        client.output().unwrap().write(b"ping").await.unwrap();
        println!("{:?}", client.next_event().await.unwrap());
        println!("{:?}", client.statistics());
    }
}
