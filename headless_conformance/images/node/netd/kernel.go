package main

import (
	"errors"
	"net"
	"net/netip"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// protocol marks our routes in the kernel, so that we remove what we made and nothing else.
const protocol netlink.RouteProtocol = 142

const table = "headless-conformance-netd"

// replaceRoutes makes our routes exactly the wanted ones and returns every error there was.
func replaceRoutes(wanted map[netip.Prefix]netip.Addr) error {
	present, err := netlink.RouteListFiltered(unix.AF_INET, &netlink.Route{Protocol: protocol}, netlink.RT_FILTER_PROTOCOL)
	if err != nil {
		return err
	}
	var failed []error
	for _, route := range present {
		destination, ok := prefixOf(route.Dst)
		if _, keep := wanted[destination]; ok && keep {
			continue
		}
		failed = append(failed, netlink.RouteDel(&route))
	}
	for destination, via := range wanted {
		failed = append(failed, netlink.RouteReplace(&netlink.Route{
			Dst:      ipNet(destination),
			Gw:       net.IP(via.AsSlice()),
			Protocol: protocol,
		}))
	}
	return errors.Join(failed...)
}

func prefixOf(network *net.IPNet) (netip.Prefix, bool) {
	if network == nil {
		return netip.Prefix{}, false
	}
	address, ok := netip.AddrFromSlice(network.IP.To4())
	bits, _ := network.Mask.Size()
	return netip.PrefixFrom(address, bits), ok
}

// replaceMasquerading puts, in one transaction, a table of our own in place: what pods send to other than pods leaves with
// the node's address.
func replaceMasquerading(pods netip.Prefix) error {
	kernel, err := nftables.New()
	if err != nil {
		return err
	}
	own := &nftables.Table{Family: nftables.TableFamilyIPv4, Name: table}
	// Added first because the kernel refuses to delete a table that is not there.
	kernel.AddTable(own)
	kernel.DelTable(own)
	kernel.AddTable(own)
	chain := kernel.AddChain(&nftables.Chain{
		Name:     "postrouting",
		Table:    own,
		Type:     nftables.ChainTypeNAT,
		Hooknum:  nftables.ChainHookPostrouting,
		Priority: nftables.ChainPriorityNATSource,
	})
	const sourceOffset, destinationOffset = 12, 16
	rule := append(compare(pods, sourceOffset, expr.CmpOpEq), compare(pods, destinationOffset, expr.CmpOpNeq)...)
	kernel.AddRule(&nftables.Rule{Table: own, Chain: chain, Exprs: append(rule, &expr.Masq{})})
	return kernel.Flush()
}

// compare matches the address at offset of the IPv4 header against a range.
func compare(pods netip.Prefix, offset uint32, operation expr.CmpOp) []expr.Any {
	network := pods.Masked()
	return []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: offset, Len: net.IPv4len},
		&expr.Bitwise{
			SourceRegister: 1,
			DestRegister:   1,
			Len:            net.IPv4len,
			Mask:           net.CIDRMask(network.Bits(), 8*net.IPv4len),
			Xor:            binaryutil.NativeEndian.PutUint32(0),
		},
		&expr.Cmp{Op: operation, Register: 1, Data: network.Addr().AsSlice()},
	}
}
