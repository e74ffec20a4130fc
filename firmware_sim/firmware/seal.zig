//! What lock.c needs of zig's standard library, as C functions.
const std = @import("std");
const Mac = std.crypto.auth.hmac.sha2.HmacSha256;

export fn sl_mac(
    key: *const [32]u8,
    head: [*]const u8,
    head_bytes: u32,
    body: [*c]const u8,
    body_bytes: u32,
    out: *[32]u8,
) void {
    var mac = Mac.init(key);
    mac.update(head[0..head_bytes]);
    if (body_bytes != 0) mac.update(body[0..body_bytes]);
    mac.final(out);
}

export fn sl_mac_is(mac: *const [16]u8, tag: *const [16]u8) u32 {
    return @intFromBool(std.crypto.timing_safe.eql([16]u8, mac.*, tag.*));
}
