module example.com/acme/keystore

go 1.26.0

require github.com/iot-device-baseline/baseline v0.0.0

replace github.com/iot-device-baseline/baseline => ../..
